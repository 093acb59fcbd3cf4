"""Does one thing again and again, beside everything else, until it is told to stop."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from bot import logs

log = logs.get(__name__)


class Periodic:
    """Something that is done every so often.

    Args:
        name: For logs.
        act: Does it once. One that fails is done again the next time.
        every: Seconds between two times, give or take a tenth, so that replicas don't keep step.
        needs: What is waited for before the first time.
        first_after: Seconds from then to the first time.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[], Awaitable[object]],
        *,
        every: float,
        needs: asyncio.Event,
        first_after: float = 0.0,
    ) -> None:
        self._name = name
        self._act = act
        self._every = every
        self._needs = needs
        self._first_after = first_after
        self._task = asyncio.create_task(self._run(), name=name)

    async def stop(self) -> None:
        """Do it no more; what is under way is cancelled."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await self._needs.wait()
        await asyncio.sleep(_jittered(self._first_after))
        while True:
            await self._once()
            await asyncio.sleep(_jittered(self._every))

    async def _once(self) -> None:
        try:
            await self._act()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("put off", what=self._name, error=type(error).__name__)
        except Exception:  # what fails once must not end it for good
            log.exception("failed", what=self._name)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
