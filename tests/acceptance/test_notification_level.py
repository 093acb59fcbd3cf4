"""Stories of how loud a target is: what reaches the channel, and what stays in the thread."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.deploying import serve
from tests.acceptance.settings_form import save_settings
from tests.acceptance.thread_assertions import has_replies, root, thread

pytestmark = pytest.mark.usefixtures("bot")


async def life(env: Environment) -> list[str]:
    """Of an endpoint that serves and then fails."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "FAILED")
    await env.slack.until(lambda: has_replies(env, 3))
    return [text[:40] for text in thread(env)]


async def test_ready_and_failed_is_the_default(env: Environment) -> None:
    """All else is for those who follow the thread."""
    assert await life(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting ",
            "# 🟢 *it* went live at TIME (took under 1",
            "# 🔴 *it* failed at TIME. Friendli gave n",
        ]
    )


async def test_everything_may_reach_the_channel(env: Environment) -> None:
    """Each step."""
    await save_settings(env, notification_level="Everything in the thread")
    assert await life(env) == snapshot(
        [
            "# Endpoint created: `ENDPOINT-1`. Gettin",
            "# 🟢 *it* went live at TIME (took under 1",
            "# 🔴 *it* failed at TIME. Friendli gave n",
        ]
    )


async def test_only_what_failed_may_reach_the_channel(env: Environment) -> None:
    """That it serves is told in the thread alone."""
    await save_settings(env, notification_level="Only failures")
    assert await life(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting ",
            "🟢 *it* went live at TIME (took under 1 s",
            "# 🔴 *it* failed at TIME. Friendli gave n",
        ]
    )


async def test_what_waits_for_somebody_always_reaches_the_channel(env: Environment) -> None:
    """However quiet the target is."""
    await save_settings(env, notification_level="Only failures")
    await env.member.command(env.channel, "sandbox/twins --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: "look like it" in root(env).text)
    await env.slack.until(lambda: "Choose above which it is." in thread(env)[-1])
    assert thread(env)[-1].startswith("# ")


async def test_a_change_counts_from_the_next_news_on(env: Environment) -> None:
    """What was told before stays as loud as it was."""
    endpoint = await serve(env)
    await save_settings(env, notification_level="Everything in the thread")
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: has_replies(env, 3))
    assert [text.startswith("# ") for text in thread(env)] == [False, True, True]
