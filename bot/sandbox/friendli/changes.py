"""Waiting until something in the sandbox has changed, without polling."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from bot.sandbox.clock import SandboxClock

T = TypeVar("T")


class Changes:
    """Wake those who wait when something changes, by a request, by hand or by time.

    Args:
        clock: Its jumps and changes of speed count as changes.
        next_change: Tells when something will next change by itself, or None.
    """

    def __init__(self, clock: SandboxClock, next_change: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._next_change = next_change
        self._event = asyncio.Event()
        clock.on_change(self.announce)

    def announce(self) -> None:
        """Wake all who wait."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def next(self) -> None:
        """Return after the next change."""
        event = self._event
        moment = self._next_change()
        delay = None if moment is None else self._clock.real_seconds_until(moment)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await event.wait()

    async def until(self, predicate: Callable[[], T], within: float) -> T:
        """Return what `predicate` gives once that is true, looking again at every change.

        Raises:
            TimeoutError: If `within` real seconds pass first.
        """
        async with asyncio.timeout(within):
            while not (found := predicate()):
                await self.next()
            return found
