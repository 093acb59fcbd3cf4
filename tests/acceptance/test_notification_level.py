"""Stories of how loud a target is: what reaches the channel, and what stays in the thread."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.configuring import configure
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import root, thread, told

pytestmark = pytest.mark.usefixtures("bot")


async def life(here: Environment) -> list[str]:
    """Of an endpoint that serves and then fails."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "FAILED")
    await here.slack.until(lambda: told(here, 3))
    return [text[:40] for text in thread(here)]


async def test_ready_and_failed_is_the_default(here: Environment) -> None:
    """All else is for those who follow the thread."""
    assert await life(here) == snapshot(
        [
            "Friendli made it, as `ENDPOINT-1`. Getti",
            "# ● *it* is serving after under 1 s · $5",
            "# *it* failed. Friendli doesn't say why.",
        ]
    )


async def test_everything_may_reach_the_channel(here: Environment) -> None:
    """Each step."""
    await configure(here, notification_level="Everything that the thread tells")
    assert await life(here) == snapshot(
        [
            "# Friendli made it, as `ENDPOINT-1`. Get",
            "# ● *it* is serving after under 1 s · $5",
            "# *it* failed. Friendli doesn't say why.",
        ]
    )


async def test_only_what_failed_may_reach_the_channel(here: Environment) -> None:
    """That it serves is told in the thread alone."""
    await configure(here, notification_level="Only what failed")
    assert await life(here) == snapshot(
        [
            "Friendli made it, as `ENDPOINT-1`. Getti",
            "● *it* is serving after under 1 s · $5.0",
            "# *it* failed. Friendli doesn't say why.",
        ]
    )


async def test_what_waits_for_somebody_always_reaches_the_channel(here: Environment) -> None:
    """However quiet the target is."""
    await configure(here, notification_level="Only what failed")
    await here.member.command(
        here.channel, "sandbox/twins --gpu 1xH100 --replicas 1 --name it --yes"
    )
    await here.slack.until(lambda: "look like it" in root(here).text)
    await here.slack.until(lambda: "Which one is it?" in thread(here)[-1])
    assert thread(here)[-1].startswith("# ")


async def test_a_change_counts_from_the_next_news_on(here: Environment) -> None:
    """What was told before stays as loud as it was."""
    endpoint = await serve(here)
    await configure(here, notification_level="Everything that the thread tells")
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: told(here, 3))
    assert [text.startswith("# ") for text in thread(here)] == [False, True, True]
