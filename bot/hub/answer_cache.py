"""A bounded cache of answers, each asked for once at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class AnswerCache(Generic[_K, _V]):
    """Keeps answers for a while.

    Args:
        ask: Finds an answer; it doesn't raise.
        keep: For how many seconds an answer is valid.
        most: Answers; the one that was used longest ago goes first.
        clock: Returns seconds.
    """

    def __init__(
        self,
        ask: Callable[[_K], Awaitable[_V]],
        *,
        keep: Callable[[_K, _V], float],
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._keep = keep
        self._most = most
        self._clock = clock
        # The answer, and when it expires; the one that was used longest ago first.
        self._kept: dict[_K, tuple[_V, float]] = {}
        self._running: dict[_K, asyncio.Task[_V]] = {}

    def cached(self, key: _K) -> _V | None:
        found = self._kept.pop(key, None)
        if found is None or self._clock() >= found[1]:
            return None
        self._kept[key] = found
        return found[0]

    def put(self, key: _K, answer: _V) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (answer, self._clock() + self._keep(key, answer))
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    async def get(self, key: _K, *, within: float) -> _V:
        """The answer, or TimeoutError after so many seconds.

        The question goes on, so that the next one who asks finds the answer.
        """
        found = self.cached(key)
        if found is not None:
            return found
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._run(key))
        return await asyncio.wait_for(asyncio.shield(task), within)

    async def _run(self, key: _K) -> _V:
        try:
            answer = await self._ask(key)
        finally:
            del self._running[key]
        self.put(key, answer)
        return answer

    async def close(self) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
