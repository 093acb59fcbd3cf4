"""`demo`: a small Slack in the browser, with the bot as a separate process."""

import asyncio
import os
import signal
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bot.app import EVENTS_PATH
from bot.config import Settings, load
from bot.domain.errors import ConfigError
from bot.sandbox.environment import API_KEY, PROJECT, Environment, connect, open_environment
from bot.sandbox.page.bot_process import BotProcess
from bot.sandbox.page.context import PageContext
from bot.sandbox.page.server import page_server

_POLL_SECONDS = 0.5
_GIVE_UP_SECONDS = 600.0
_GUEST_TEAM = "T000000002"


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo; `folder` holds the database and the bot's log until it ends."""

    address: str
    bot: BotProcess
    env: Environment
    folder: Path


async def run_demo(
    *,
    port: int,
    browser: bool,
    speed: float,
    real_slack: bool = False,
    real_friendli: bool = False,
) -> None:
    """Run the demo until Ctrl-C or SIGTERM.

    Args:
        port: The page's port on 127.0.0.1; 0 takes a free one.
        speed: How many times faster than in life endpoints start.
        real_slack: Use the Slack app whose settings are in the environment.
        real_friendli: Use Friendli itself, where endpoints cost money.

    Raises:
        ConfigError: The port is taken, a setting is missing, or the bot doesn't start.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def stay() -> None:
        async with open_demo(
            port=port, speed=speed, real_slack=real_slack, real_friendli=real_friendli
        ) as demo:
            _announce(demo, real_slack=real_slack, real_friendli=real_friendli)
            if browser and _has_screen():
                await asyncio.to_thread(webbrowser.open, demo.address)
            await asyncio.Event().wait()

    staying, stopping = asyncio.create_task(stay()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({staying, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        staying.cancel()
        stopping.cancel()
        [ended, _] = await asyncio.gather(staying, stopping, return_exceptions=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    if isinstance(ended, Exception):
        raise ended


@asynccontextmanager
async def open_demo(
    *,
    port: int,
    speed: float,
    real_slack: bool = False,
    real_friendli: bool = False,
    overrides: Mapping[str, object] | None = None,
) -> AsyncIterator[Demo]:
    """Open the sandboxes, the page and the bot, with a connected channel; arguments as above.

    Raises:
        ConfigError: The port is taken, a setting is missing, or the bot doesn't start.
    """
    if real_slack and real_friendli:
        raise ConfigError(["With Slack and Friendli both real there is no sandbox: run `serve`"])
    with tempfile.TemporaryDirectory(prefix="friendli-deploy-") as name:
        folder = Path(name)
        database = f"sqlite:///{folder / 'demo.sqlite3'}"
        async with open_environment(database, start_speed=speed) as env:
            env.friendli.pace.tokens_per_second, env.friendli.pace.first_token = 142, 0.18
            settings = _settings(
                env, speed, real_slack=real_slack, real_friendli=real_friendli
            ).model_copy(update=overrides)
            # As fast as a small model answers.
            env.friendli.pace.tokens_per_second, env.friendli.pace.first_token = 60, 0.18
            listens = real_slack and not settings.socket_mode
            bot = BotProcess(settings, folder, port=settings.port if listens else 0)
            shown = page_context(env, bot, real_slack=real_slack, real_friendli=real_friendli)
            async with page_server(shown, port=port) as address:
                env.slack.events_url = bot.url + EVENTS_PATH
                try:
                    await bot.start()
                    if not real_slack and not real_friendli:
                        await connect(env)
                    yield Demo(address, bot, env, folder)
                finally:
                    await bot.stop()


def _settings(env: Environment, speed: float, *, real_slack: bool, real_friendli: bool) -> Settings:
    if real_friendli:
        address = os.environ.get("FRIENDLI_API_URL")
        return env.settings(
            friendli_api_url=address or Settings.model_fields["friendli_api_url"].default
        )
    quick = {
        "poll_seconds_transitional": _POLL_SECONDS,
        # Endpoints are listed sooner, so the timeout shrinks.
        "create_give_up_after": _GIVE_UP_SECONDS / speed,
        # A killed bot's claims come due again after the lease; loopback needs no long one.
        "lease": 8,
        "create_timeout": 5,
        "slack_timeout": 5,
    }
    if not real_slack:
        return env.settings(**quick)
    ours = {
        "friendli_api_url": env.friendli.url,
        "friendli_inference_url": None,
        "database_url": env.database,
    }
    return load().model_copy(update={**ours, **quick})


def page_context(
    env: Environment,
    bot: BotProcess | None,
    *,
    real_slack: bool = False,
    real_friendli: bool = False,
) -> PageContext:
    """Add a guest and an unconnected channel, and return what the page shows."""
    if real_slack:
        return PageContext(slack=None, friendli=env.friendli, bot=bot, hub=env.hub)
    env.slack.requests.hide(API_KEY, "API key")
    guest = env.slack.add_user("guest", team_id=_GUEST_TEAM)
    env.channel.is_ext_shared = True
    env.slack.set_member(env.channel, guest, member=True)
    env.slack.add_channel("experiments", members=[env.admin.user, env.member.user])
    return PageContext(
        slack=env.slack,
        friendli=None if real_friendli else env.friendli,
        bot=bot,
        hub=env.hub,
        people=[env.member, env.admin, env.slack.act_as(guest)],
        channel=env.channel,
    )


def _announce(demo: Demo, *, real_slack: bool, real_friendli: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"The demo is open at [bold]{demo.address}[/]. Ctrl-C ends it.")
    console.print(f"[dim]The bot's log is {demo.bot.log}, until then.[/]")
    if real_slack:
        console.print(
            "Type /friendli-deploy connect in your own Slack, with the project"
            f" [bold]{PROJECT}[/] and the key [bold]{API_KEY}[/]: endpoints are made up here."
        )
    if real_friendli:
        console.print("Endpoints are real here, and cost money. Connect with a key of your own.")


def _has_screen() -> bool:
    # Without a display, a text browser would take over the terminal.
    unix = sys.platform not in ("darwin", "win32")
    return not unix or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
