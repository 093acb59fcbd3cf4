"""A line to Slack that holds requests back, as a stalled process or a slow network does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bot.db.claims import Claim
from bot.slack.delivery import Sender


class HoldingProxy:
    """Passes requests on to Slack, some of them only when a test lets them go.

    Attributes:
        url: To be used instead of Slack's own base URL.
    """

    def __init__(self, slack: str) -> None:
        self._slack = slack
        self._held: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self._holds: Callable[[str], bool] = lambda _: False
        self.url = ""

    def hold(self, *methods: str) -> None:
        """Hold back requests of these methods from now on."""
        self._holds = lambda method: method in methods

    async def claim(self) -> asyncio.Event:
        """Wait until a request is held back; setting the event lets it go."""
        return await self._held.get()

    async def pass_on(self, request: web.Request) -> web.Response:
        """Pass a request on, when its time has come."""
        method = request.match_info["method"]
        body = await request.read()
        if self._holds(method):
            gate = asyncio.Event()
            self._held.put_nowait(gate)
            await gate.wait()
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{self._slack}/api/{method}",
                params=request.query,
                data=body,
                headers=headers,
            ) as answer,
        ):
            kept = {
                name: answer.headers[name]
                for name in ("Content-Type", "Retry-After")
                if name in answer.headers
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


@asynccontextmanager
async def holding_proxy(slack: str) -> AsyncIterator[HoldingProxy]:
    """Open a line to a Slack on a port of its own."""
    line = HoldingProxy(slack)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", line.pass_on)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    line.url = f"http://{host}:{port}/api/"
    try:
        yield line
    finally:
        await runner.cleanup()


class Stalled:
    """A sender whose request is on its way to Slack for as long as a test wants."""

    def __init__(self, task: asyncio.Task[None], gate: asyncio.Event) -> None:
        self._task = task
        self._gate = gate

    async def arrive(self) -> None:
        """Let the request arrive, and the sender do what it then does."""
        self._gate.set()
        await self._task

    async def give_up(self) -> None:
        """Cancel the sender, as a worker does when its lease is over; the request is on its way."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def arrive_unheard(self) -> None:
        """Let the request arrive; nobody waits for its answer any more."""
        self._gate.set()


async def stall(line: HoldingProxy, sender: Sender, claim: Claim, method: str) -> Stalled:
    """Let a sender handle a channel up to its request of this method."""
    line.hold(method)
    task = asyncio.create_task(sender.handle(claim))
    gate = await line.claim()
    line.hold()
    return Stalled(task, gate)
