"""Wait for several awaitables; if one fails, the others are cancelled."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")


async def both(
    first: Coroutine[object, object, _A], second: Coroutine[object, object, _B]
) -> tuple[_A, _B]:
    """Both results; raises the first failure and cancels the other one."""
    one, other = asyncio.create_task(first), asyncio.create_task(second)
    await _ended([one, other])
    return one.result(), other.result()


async def all_of(each: Iterable[Coroutine[object, object, _A]]) -> list[_A]:
    """The same for any number of one type."""
    tasks = [asyncio.create_task(one) for one in each]
    await _ended(tasks)
    return [task.result() for task in tasks]


async def _ended(tasks: Sequence[asyncio.Task[object]]) -> None:
    # asyncio.gather leaves the others running, and a TaskGroup wraps the exception.
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
