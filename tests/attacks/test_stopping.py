"""A bot that is stopped while it works ends all of it, before what it works with is gone."""

import asyncio

import aiohttp
import pytest

from bot.sandbox.environment import APP_TOKEN, PROJECT, Environment, connect
from bot.sandbox.faults import Answer, Hang
from tests.acceptance.thread_assertions import told, whispers
from tests.attacks.conftest import PACE, watched_to_the_end
from tests.attacks.harness import Siege
from tests.conftest import StartBot

MODES: dict[str, dict[str, object]] = {
    "http": {},
    "socket": {"slack_app_token": APP_TOKEN, "slack_signing_secret": None},
}
LINES = (
    "",
    "org/model --gpu 1xH100",
    "list",
    "status it",
    "update it --gpu 2xH100",
    "versions it",
)


@pytest.mark.parametrize(
    ("mode", "hangs"),
    [
        ("http", "nothing"),
        ("http", "a part of Friendli"),
        ("socket", "Friendli"),
        ("socket", "Slack"),
    ],
)
async def test_nothing_outlives_the_bot(
    here: Environment, start_bot: StartBot, mode: str, hangs: str
) -> None:
    """Whatever hangs is given up; no task is left, and none stumbles over a closed client."""
    before = asyncio.all_tasks()
    async with watched_to_the_end() as watch, aiohttp.ClientSession() as http:
        async with start_bot(**PACE, **MODES[mode], shutdown_timeout=0.3) as bot:
            await connect(here)
            await here.member.command(here.channel, "org/model --gpu 1xH100 --name it --yes")
            await here.slack.until(lambda: told(here, 1))
            # From now on the specs are known.
            await here.member.command(here.channel, "list")
            await here.slack.until(lambda: whispers(here))
            match hangs:
                case "Friendli":
                    here.friendli.faults.add(Hang(), times=None)
                case "a part of Friendli":
                    history = "get_endpoint_version_history"
                    here.friendli.faults.add(Hang(), operation=history, times=None)
                    here.friendli.faults.add(Answer(403), operation="get_endpoint", times=None)
                case "Slack":
                    here.slack.faults.add(Hang(), times=None)
            await asyncio.gather(
                submit_a_project(here),
                *(here.member.command(here.channel, line) for line in LINES),
            )
            siege = Siege(here, bot, http, watch.logged, watch.leaks)
        left = [task for task in asyncio.all_tasks() - before if "/bot/" in str(task)]
        assert [task for task in left if "/bot/sandbox/" not in str(task)] == []
    siege.check()


async def submit_a_project(here: Environment) -> None:
    """Have a key checked, which asks Friendli."""
    await here.admin.command(here.channel, "connect other")
    if here.admin.modal is None:
        return
    await here.admin.fill("Friendli project id", PROJECT)
    await here.admin.fill("Personal API key (flp_…)", "another-key-not-a-secret")
    await here.admin.submit()
