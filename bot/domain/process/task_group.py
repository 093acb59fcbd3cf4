"""Wait for several things at once, none of which outlives the others' failure."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")


async def both(
    first: Coroutine[object, object, _A], second: Coroutine[object, object, _B]
) -> tuple[_A, _B]:
    """Return what both return; raise what the first to fail raises, and end the other one."""
    one, other = asyncio.create_task(first), asyncio.create_task(second)
    await _ended([one, other])
    return one.result(), other.result()


async def all_of(each: Iterable[Coroutine[object, object, _A]]) -> list[_A]:
    """The same for any number of a kind."""
    tasks = [asyncio.create_task(one) for one in each]
    await _ended(tasks)
    return [task.result() for task in tasks]


async def _ended(tasks: Sequence[asyncio.Task[object]]) -> None:
    # Unlike asyncio.gather, which leaves the others running when one fails, and unlike a TaskGroup,
    # which wraps what was raised.
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
