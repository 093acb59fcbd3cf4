"""A clock that can run fast, stand still or jump ahead, shared by the sandbox servers."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Sandbox time: starts at the real time and runs `speed` times as fast.

    Belongs to one event loop; call `advance` and set `speed` from that loop only.

    Args:
        speed: Sandbox seconds per real second; at 0 only `advance` moves the clock.
    """

    def __init__(self, speed: float = 1.0, *, start: datetime | None = None) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError("start needs a time zone")
        self._start = (start or datetime.now(UTC)).astimezone(UTC)
        self._speed = _checked(speed)
        self._real_base = time.monotonic()
        self._elapsed_base = 0.0
        self._changed = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Sandbox seconds since the clock was created; never goes back."""
        return self._elapsed_base + (time.monotonic() - self._real_base) * self._speed

    @property
    def speed(self) -> float:
        """Sandbox seconds per real second; setting it keeps the current time."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        checked = _checked(speed)
        self._rebase(self.monotonic())
        self._speed = checked
        self._announce()

    def advance(self, seconds: float) -> None:
        """Jump ahead by sandbox seconds and wake every sleeper that is due."""
        if seconds < 0:
            raise ValueError("a clock can't be turned back")
        self._rebase(self.monotonic() + seconds)
        self._announce()

    def real_seconds_until(self, moment: datetime) -> float | None:
        """Real seconds until the sandbox time `moment`; None if the clock stands still."""
        left = (moment - self.now()).total_seconds()
        if left <= 0:
            return 0.0
        return left / self._speed if self._speed else None

    async def sleep_until(self, moment: datetime) -> None:
        while self.now() < moment:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.real_seconds_until(moment)):
                    await self._changed.wait()

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def changed(self) -> None:
        await self._changed.wait()

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at every `advance` or change of `speed`; returns the undo function."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def _rebase(self, elapsed: float) -> None:
        self._elapsed_base = elapsed
        self._real_base = time.monotonic()

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for callback in tuple(self._callbacks):
            callback()


def _checked(speed: float) -> float:
    if speed < 0:
        raise ValueError("speed can't be negative")
    return speed
