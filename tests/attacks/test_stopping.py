"""A bot that is stopped while it works ends all of it, before what it works with is gone."""

import asyncio

import aiohttp
import pytest

from bot.sandbox.environment import APP_TOKEN, PROJECT, Environment, connect
from bot.sandbox.faults import Hang, Respond
from tests.acceptance.thread_assertions import ephemeral_texts, has_replies
from tests.attacks.conftest import SLOW_POLLING, capture_errors_until_stopped
from tests.attacks.harness import AttackHarness
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
    env: Environment, start_bot: StartBot, mode: str, hangs: str
) -> None:
    """Whatever hangs is given up; no task is left, and none stumbles over a closed client."""
    before = asyncio.all_tasks()
    async with capture_errors_until_stopped() as watch, aiohttp.ClientSession() as http:
        async with start_bot(**SLOW_POLLING, **MODES[mode], shutdown_timeout=0.3) as bot:
            await connect(env)
            await env.member.command(env.channel, "org/model --gpu 1xH100 --name it --yes")
            await env.slack.until(lambda: has_replies(env, 1))
            # From now on the specs are known.
            await env.member.command(env.channel, "list")
            await env.slack.until(lambda: ephemeral_texts(env))
            match hangs:
                case "Friendli":
                    env.friendli.faults.add(Hang(), times=None)
                case "a part of Friendli":
                    history = "get_endpoint_version_history"
                    env.friendli.faults.add(Hang(), operation=history, times=None)
                    env.friendli.faults.add(Respond(403), operation="get_endpoint", times=None)
                case "Slack":
                    env.slack.faults.add(Hang(), times=None)
            await asyncio.gather(
                submit_a_project(env),
                *(env.member.command(env.channel, line) for line in LINES),
            )
            isolated_attack = AttackHarness(env, bot, http, watch.logged, watch.leaks)
        left = [task for task in asyncio.all_tasks() - before if "/bot/" in str(task)]
        assert [task for task in left if "/bot/sandbox/" not in str(task)] == []
    isolated_attack.check()


async def submit_a_project(env: Environment) -> None:
    """Have a key checked, which asks Friendli."""
    await env.admin.command(env.channel, "connect other")
    if env.admin.modal is None:
        return
    await env.admin.fill("Friendli project id", PROJECT)
    await env.admin.fill("Personal API key (flp_…)", "another-key-not-a-secret")
    await env.admin.submit()
