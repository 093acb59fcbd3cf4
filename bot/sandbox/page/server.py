"""The page's server on loopback: static files, websocket, actions and controls."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from bot.domain.errors import ConfigError
from bot.sandbox.page.actions import ACTION, perform
from bot.sandbox.page.context import PageContext
from bot.sandbox.page.controls import CONTROL
from bot.sandbox.page.feed import Event, Feed
from bot.sandbox.slack.base_client import NotPossibleError

_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/markdown.js": ("markdown.js", "text/javascript"),
    "/tour.js": ("tour.js", "text/javascript"),
}
# Everything is same-origin, nothing is built from text, and nobody may frame the page.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOPBACK = {"127.0.0.1", "localhost"}
_BACKLOG = 20_000


@asynccontextmanager
async def page_server(context: PageContext, *, port: int) -> AsyncIterator[str]:
    """Serve the page on 127.0.0.1 (port 0 takes a free one), and yield its URL.

    Raises:
        ConfigError: The port is taken.
    """
    feed = Feed(context)
    runner = web.AppRunner(
        _Pages(context, feed).application(), access_log=None, shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    try:
        try:
            await site.start()
        except OSError as error:
            way_out = "choose another one with `--port N`, or any free one with `--port 0`"
            reason = os.strerror(error.errno or 0).lower()
            raise ConfigError([f"Port {port} can't be used ({reason}): {way_out}"]) from None
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await feed.close()
        await runner.cleanup()


class _Pages:
    """Handles the page's requests.

    Any website may send requests to loopback, so only the page's own are accepted: the host must
    be loopback, and for actions the origin must be the host.
    """

    def __init__(self, context: PageContext, feed: Feed) -> None:
        self._context = context
        self._feed = feed
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_only_the_page], client_max_size=256 * 1024)
        app.add_routes(
            [
                *(web.get(path, self._file) for path in _FILES),
                web.get("/live", self._live),
                web.get("/requests/{number:[0-9]+}", self._bodies),
                web.post("/act", self._act),
                web.post("/control", self._control),
            ]
        )
        app.on_shutdown.append(self._close_sockets)
        return app

    async def _file(self, request: web.Request) -> web.Response:
        name, content_type = _FILES[request.path]
        content = (resources.files("bot.sandbox.page") / "static" / name).read_bytes()
        return web.Response(
            body=content, content_type=content_type, charset="utf-8", headers=_HEADERS
        )

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        self._sockets.add(socket)
        self._feed.set_zone(request.query.get("zone", ""))
        events: asyncio.Queue[Event] = asyncio.Queue(_BACKLOG)
        end = self._feed.subscribe(_listener(events, socket))
        sending = asyncio.create_task(_send(socket, events))
        try:
            # The page sends nothing; this returns when it disconnects.
            async for _ in socket:
                pass
        finally:
            end()
            sending.cancel()
            self._sockets.discard(socket)
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    async def _bodies(self, request: web.Request) -> web.Response:
        try:
            bodies = self._feed.bodies(int(request.match_info["number"]))
        except LookupError as error:
            return _problem(404, str(error))
        return web.json_response(text=bodies.model_dump_json())

    async def _act(self, request: web.Request) -> web.Response:
        try:
            outcome = await perform(self._context, ACTION.validate_json(await request.read()))
        except ValidationError as error:
            return _problem(400, _first(error))
        except (LookupError, ValueError, NotPossibleError) as error:
            return _problem(409, str(error))
        return web.json_response(text=outcome.model_dump_json())

    async def _control(self, request: web.Request) -> web.Response:
        try:
            control = CONTROL.validate_json(await request.read())
            sentence = await self._feed.controls.apply(control)
        except ValidationError as error:
            return _problem(400, _first(error))
        except (LookupError, NotPossibleError, ConfigError) as error:
            return _problem(409, str(error))
        return web.json_response({"said": sentence})

    async def _close_sockets(self, _: web.Application) -> None:
        for socket in tuple(self._sockets):
            await socket.close()


@web.middleware
async def _only_the_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    host = request.headers.get("Host", "")
    if host.partition(":")[0] not in _LOOPBACK:
        return _problem(403, "this page is served on loopback only")
    acts = request.method != "GET" or request.path == "/live"
    if acts and request.headers.get("Origin") != f"http://{host}":
        return _problem(403, "only the page itself may do this")
    if request.method == "POST" and request.content_type != "application/json":
        return _problem(415, "this takes JSON")
    return await handler(request)


def _listener(
    events: "asyncio.Queue[Event]", socket: web.WebSocketResponse
) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        try:
            events.put_nowait(event)
        except asyncio.QueueFull:
            # A sleeping page gets a new snapshot when it reconnects.
            if socket.get_extra_info("transport") is not None:
                socket.get_extra_info("transport").abort()

    return listen


async def _send(socket: web.WebSocketResponse, events: "asyncio.Queue[Event]") -> None:
    while True:
        batch = [await events.get()]
        while not events.empty():
            batch.append(events.get_nowait())
        await socket.send_str(f"[{','.join(event.model_dump_json() for event in batch)}]")


def _problem(status: int, words: str) -> web.Response:
    return web.json_response({"problem": words}, status=status)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
