"""Lets everybody who asks at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class SingleFlight(Generic[_T]):
    """Calls a function at most once at a time; one that stops waiting takes nothing from others.

    Args:
        call: The function.
    """

    def __init__(self, call: Callable[[], Awaitable[_T]]) -> None:
        self._call = call
        self._running: asyncio.Task[_T] | None = None

    async def __call__(self) -> _T:
        """The result of the call that runs, or of a new one."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def _run(self) -> _T:
        return await self._call()
