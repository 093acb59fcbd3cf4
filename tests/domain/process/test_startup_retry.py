import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.errors import ConfigError
from bot.domain.process.startup_retry import StartupRetry, UnreachableError, start_all


def answering(*outcomes: Exception | None) -> Callable[[], Awaitable[None]]:
    """Attempts that end like this, one after another; the last one's end is every later one's."""
    left = list(outcomes)

    async def attempt() -> None:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if outcome is not None:
            raise outcome

    return attempt


async def test_what_is_there_is_reached_at_the_start() -> None:
    """Nothing goes on in the background then."""
    part = StartupRetry("Slack", answering(None), pause=60)
    await part.start()
    assert part.reached.is_set()
    await part.stop()


async def test_what_isnt_there_is_tried_until_it_is() -> None:
    """The start doesn't wait for it."""
    away = UnreachableError("away")
    part = StartupRetry("Slack", answering(away, away, None), pause=0.001)
    await part.start()
    assert not part.reached.is_set()
    await part.reached.wait()
    await part.stop()


async def test_what_is_slow_isnt_waited_for_for_long() -> None:
    """The same attempt goes on: a long migration isn't broken off."""
    goes, calls = asyncio.Event(), 0

    async def attempt() -> None:
        nonlocal calls
        calls += 1
        await goes.wait()

    part = StartupRetry("database", attempt, pause=60, timeout=0.001)
    await part.start()
    assert not part.reached.is_set()
    goes.set()
    await part.reached.wait()
    assert calls == 1
    await part.stop()


async def test_a_refusal_that_comes_late_is_logged_and_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The bot is up by then; a person may mend it while it runs."""
    refusal = ConfigError(["SLACK_BOT_TOKEN is refused."])
    part = StartupRetry("Slack", answering(UnreachableError("away"), refusal, None), pause=0.001)
    await part.start()
    await part.reached.wait()
    assert "SLACK_BOT_TOKEN is refused." in capsys.readouterr().out
    await part.stop()


async def test_what_is_given_up_is_tried_no_more() -> None:
    """Also in the middle of an attempt."""
    cancelled = asyncio.Event()

    async def attempt() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    part = StartupRetry("Slack", attempt, pause=60, timeout=0.001)
    await part.start()
    await part.stop()
    assert cancelled.is_set()


async def test_the_problems_of_all_parts_are_told_together() -> None:
    """In the order of the parts; what only isn't there yet is no problem."""
    parts = [
        StartupRetry("database", answering(ConfigError(["one", "two"])), pause=60),
        StartupRetry("Slack", answering(UnreachableError("away")), pause=60),
        StartupRetry("Socket Mode", answering(ConfigError(["three"])), pause=60),
    ]
    with pytest.raises(ConfigError) as caught:
        await start_all(parts)
    assert caught.value.problems == ("one", "two", "three")
    for part in parts:
        await part.stop()


async def test_a_defect_ends_the_start() -> None:
    """It isn't taken for an outage."""
    part = StartupRetry("database", answering(ZeroDivisionError()), pause=60)
    with pytest.raises(ZeroDivisionError):
        await start_all([part])
    await part.stop()
