import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.clock import SandboxClock

START = datetime(2026, 10, 2, tzinfo=UTC)


def test_it_starts_at_the_real_time() -> None:
    """Without a start of its own, sandbox time begins at the real time."""
    before = datetime.now(UTC)
    now = SandboxClock().now()
    assert before <= now <= datetime.now(UTC) + timedelta(milliseconds=1)


def test_it_stands_still_and_jumps() -> None:
    """At speed 0 only advancing moves it, by exactly that much."""
    clock = SandboxClock(speed=0, start=START)
    clock.advance(90)
    clock.advance(0.5)
    assert (clock.now() - START, clock.monotonic()) == (timedelta(seconds=90.5), 90.5)


def test_a_change_of_speed_is_no_jump() -> None:
    """The time goes on from where it was when the speed changes."""
    clock = SandboxClock(speed=0, start=START)
    clock.advance(10)
    clock.speed = 1000
    assert clock.speed == 1000
    began = time.monotonic()
    clock.speed = 0
    spent = time.monotonic() - began
    assert 10 <= clock.monotonic() <= 10 + 1000 * (spent + 0.05)
    stopped = clock.now()
    assert clock.now() == stopped


async def test_sleepers_wake_by_a_jump_and_not_before() -> None:
    """A jump wakes those whose moment has come; others sleep on."""
    clock = SandboxClock(speed=0, start=START)
    soon = asyncio.create_task(clock.sleep(10))
    later = asyncio.create_task(clock.sleep_until(START + timedelta(seconds=20)))
    changed = asyncio.create_task(clock.changed())
    await asyncio.sleep(0)

    clock.advance(10)
    await soon
    await changed
    assert not later.done()
    clock.advance(10)
    await later


async def test_sleepers_wake_by_running_time_at_any_speed() -> None:
    """A sleeper of an hour wakes soon once the clock runs fast enough."""
    clock = SandboxClock(speed=1)
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.speed = 360_000
    async with asyncio.timeout(5):
        await sleeper


async def test_listeners_hear_of_changes_until_they_end_it() -> None:
    """A callback is called at every jump and change of speed, and no more once ended."""
    clock = SandboxClock(speed=0, start=START)
    heard: list[float] = []
    end = clock.on_change(lambda: heard.append(clock.monotonic()))
    clock.advance(5)
    clock.speed = 0
    end()
    clock.advance(5)
    assert heard == [5, 5]


def test_the_real_seconds_left_follow_the_speed() -> None:
    """The wait until a moment is divided by the speed, and endless while the clock stands."""
    clock = SandboxClock(speed=0, start=START)
    assert clock.real_seconds_until(START + timedelta(seconds=60)) is None
    assert clock.real_seconds_until(START) == 0
    clock.speed = 60
    left = clock.real_seconds_until(START + timedelta(seconds=60))
    assert left is not None
    assert 0.5 < left <= 1


def test_what_makes_no_sense_is_refused() -> None:
    """A clock neither runs nor jumps backwards, and knows its time zone."""
    with pytest.raises(ValueError, match="speed"):
        SandboxClock(speed=-1)
    with pytest.raises(ValueError, match="time zone"):
        SandboxClock(start=START.replace(tzinfo=None))
    with pytest.raises(ValueError, match="turned back"):
        SandboxClock().advance(-1)
