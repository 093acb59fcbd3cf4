"""The HTTP server: Slack's requests in HTTP mode, health and metrics in any mode."""

import asyncio
import errno
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError
from pydantic import SecretStr
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.domain.errors import ConfigError
from bot.slack.connections import Connection, Connections, bind

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# After this, Slack doesn't wait for the response any more.
_SLACK_TIMEOUT = 3.0
# Three times a modal with a hundred options, percent-encoded.
_MAX_BODY_BYTES = 1024 * 1024
# Slack sends the body together with the headers.
_BODY_SECONDS = 5.0
# With one, 64 together took a fifth more CPU time: each iteration of the loop costs a system call.
_STARTED_TOGETHER = 4
_SIGNATURE_HEADERS = ("X-Slack-Signature", "X-Slack-Request-Timestamp")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(routes: Iterable[web.RouteDef], *, host: str, port: int) -> AsyncIterator[str]:
    """Listen until the block ends; yields the base URL. Port 0 takes a free port.

    Raises:
        ConfigError: Host and port can't be bound.
    """
    application = web.Application(middlewares=[_time_limits])
    application.add_routes(routes)
    runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=_SLACK_TIMEOUT)
    try:
        listeners = await bind(host, port)
    except OSError as error:
        raise ConfigError([_problem(error, host, port)]) from None
    bound_host, bound_port = listeners[0].getsockname()[:2]
    # `Connections` accepts instead of the runner's own sites, which have no limits.
    await runner.setup()
    try:
        async with Connections(cast("web.Server", runner.server)).accepting(listeners):
            yield f"http://{bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _time_limits(request: web.Request, handler: _Handler) -> web.StreamResponse:
    connection = _connection(request)
    connection.request_started()
    try:
        return await handler(request)
    finally:
        connection.request_ended()


def _connection(request: web.Request) -> Connection:
    return cast("Connection", request.protocol)


def events_route(path: str, bolt: AsyncApp, signing_secret: SecretStr) -> web.RouteDef:
    """The route for Slack's requests; `bolt` gets those signed within the last five minutes."""
    verifier = SignatureVerifier(signing_secret.get_secret_value())
    turns = _Turns()

    async def events(request: web.Request) -> web.Response:
        # Bolt would verify after parsing the body, and fails on malformed bodies and timestamps.
        if not all(name in request.headers for name in _SIGNATURE_HEADERS):
            return web.Response(status=401)
        await turns.wait()
        body = await _read(request)
        try:
            is_signed = verifier.is_valid_request(body, dict(request.headers))
        except (ValueError, TypeError, OverflowError):
            is_signed = False
        if not is_signed:
            return web.Response(status=401)
        if not _connection(request).protect():
            log.warning("too many requests at once")
            return web.Response(status=503)
        try:
            bolt_request = AsyncBoltRequest(
                body=body.decode(), query=request.query_string, headers=dict(request.headers)
            )
            return await to_aiohttp_response(await bolt.async_dispatch(bolt_request))
        except Exception:  # Bolt raises many kinds for unexpected payloads
            log.exception("malformed request from Slack")
            return web.Response(status=400)

    return web.post(path, events)


class _Turns:
    """Starts a few requests in each iteration of the event loop.

    Of many that arrive together, the first forms are on their way before the next requests are
    handled. Otherwise all of them would be acknowledged before any form is opened.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    async def wait(self) -> None:
        """Wait until it is this request's turn; a request that is alone doesn't wait."""
        loop = asyncio.get_running_loop()
        if self._is_taken:
            turn = loop.create_future()
            self._waiting.append(turn)
            await turn
        else:
            self._is_taken = True
            loop.call_soon(self._next)

    def _next(self) -> None:
        started = 0
        while self._waiting and started < _STARTED_TOGETHER:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                started += 1
        if started:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._is_taken = False


async def _read(request: web.Request) -> bytes:
    """Read an unverified body.

    Raises:
        HTTPRequestEntityTooLarge: It is larger than any body of Slack's.
        HTTPRequestTimeout: It doesn't arrive in time.
        HTTPBadRequest: It breaks off, or is framed wrongly.
    """
    if (request.content_length or 0) > _MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(_MAX_BODY_BYTES, request.content_length or 0)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    raise web.HTTPRequestEntityTooLarge(_MAX_BODY_BYTES, len(body))
                _connection(request).body_read(len(chunk))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (OSError, web.RequestPayloadError, HttpProcessingError):
        raise web.HTTPBadRequest from None
    return bytes(body)


def _problem(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return (
            f"HOST {host} isn't an address of this machine. Name one of its addresses, or 0.0.0.0"
            " for all of them."
        )
    if error.errno == errno.EADDRINUSE:
        return f"PORT {port} is taken by another program. Write a free port, from 1 to 65535."
    if error.errno == errno.EACCES:
        return f"PORT {port} needs rights that the bot doesn't have. Write a port above 1023."
    return f"PORT {port} can't be listened on ({error.strerror}). Write a free port."
