"""Waiting for changes in the sandbox without polling."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from bot.sandbox.clock import SandboxClock

T = TypeVar("T")


class Changes:
    """Wakes waiters at every request, control or scheduled transition.

    Args:
        clock: Its jumps and changes of speed count as changes.
        next_change: Returns the time of the next scheduled transition, or None.
    """

    def __init__(self, clock: SandboxClock, next_change: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._next_change = next_change
        self._event = asyncio.Event()
        clock.on_change(self.announce)

    def announce(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def next(self) -> None:
        event = self._event
        moment = self._next_change()
        delay = None if moment is None else self._clock.real_seconds_until(moment)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await event.wait()

    async def until(self, predicate: Callable[[], T], within: float) -> T:
        """Return the result of `predicate` once it is truthy; checked at every change.

        Raises:
            TimeoutError: If `within` real seconds pass first.
        """
        async with asyncio.timeout(within):
            while not (found := predicate()):
                await self.next()
            return found
