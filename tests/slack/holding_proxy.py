"""A proxy to Slack that holds requests back, as a stalled process or a slow network does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bot.db.claims import Claim
from bot.slack.delivery import Sender


class HoldingProxy:
    """Forwards requests to Slack; holds those of some methods until a test releases them.

    Attributes:
        url: Base URL to use instead of Slack's.
    """

    def __init__(self, slack: str) -> None:
        self._slack = slack
        self._held: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self._holds: Callable[[str], bool] = lambda _: False
        self.url = ""

    def hold(self, *methods: str) -> None:
        self._holds = lambda method: method in methods

    async def held_request(self) -> asyncio.Event:
        """Wait for a held request; setting the event releases it."""
        return await self._held.get()

    async def forward(self, request: web.Request) -> web.Response:
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
    proxy = HoldingProxy(slack)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", proxy.forward)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    proxy.url = f"http://{host}:{port}/api/"
    try:
        yield proxy
    finally:
        await runner.cleanup()


class HeldCall:
    def __init__(self, task: asyncio.Task[None], gate: asyncio.Event) -> None:
        self._task = task
        self._gate = gate

    async def arrive(self) -> None:
        """Release the request, and wait for the sender."""
        self._gate.set()
        await self._task

    async def cancel(self) -> None:
        """Cancel the sender, as a worker does at the end of its lease; the request stays held."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def arrive_unanswered(self) -> None:
        """Release the request; nobody waits for the answer."""
        self._gate.set()


async def hold_call(proxy: HoldingProxy, sender: Sender, claim: Claim, method: str) -> HeldCall:
    """Run a sender until its request of this method is held."""
    proxy.hold(method)
    task = asyncio.create_task(sender.handle(claim))
    gate = await proxy.held_request()
    proxy.hold()
    return HeldCall(task, gate)
