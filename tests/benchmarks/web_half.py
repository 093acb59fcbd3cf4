"""Run as a process: something that takes Slack's requests: our bot, the rival, or the floor.

The rival is an app with Bolt's defaults whose one command acknowledges and opens a fixed form; the
floor checks Slack's signature and does nothing else.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import EVENTS_PATH, serving
from bot.commands.registry import SLASH
from bot.config import load
from bot.ops import logs
from tests.benchmarks.bots import BOT_TOKEN, SIGNING_SECRET
from tests.benchmarks.process import answer_marks

_FORM = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Deploy"},
    "submit": {"type": "plain_text", "text": "Deploy"},
    "blocks": [
        {
            "type": "input",
            "block_id": name,
            "label": {"type": "plain_text", "text": name},
            "element": {"type": "plain_text_input", "action_id": name},
        }
        for name in ("model", "name", "instance", "replicas")
    ],
}


async def ours() -> None:
    """The whole bot."""
    settings = load()
    logs.configure(settings.log_level)
    async with serving(settings) as bot:
        await answer_marks(url=bot.events_url)


async def rival(slack: str) -> None:
    """Bolt with its defaults."""
    app = AsyncApp(
        signing_secret=SIGNING_SECRET,
        client=AsyncWebClient(token=BOT_TOKEN, base_url=f"{slack}/api/"),
    )

    async def deploy(ack: AsyncAck, body: dict[str, str], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=_FORM)

    app.command(SLASH)(deploy)
    async with _serving(app.web_app(EVENTS_PATH)) as url:
        await answer_marks(url=url)


async def floor() -> None:
    """Nothing but the signature."""
    verifier = SignatureVerifier(SIGNING_SECRET)

    async def events(request: web.Request) -> web.Response:
        signed = verifier.is_valid_request(await request.read(), dict(request.headers))
        return web.Response(status=200 if signed else 401)

    application = web.Application()
    application.add_routes([web.post(EVENTS_PATH, events)])
    async with _serving(application) as url:
        await answer_marks(url=url)


@asynccontextmanager
async def _serving(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{EVENTS_PATH}"
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    fronts: dict[str, Callable[[], Awaitable[None]]] = {
        "ours": ours,
        "rival": lambda: rival(sys.argv[2]),
        "floor": floor,
    }

    async def _main() -> None:
        await fronts[sys.argv[1]]()

    asyncio.run(_main())
