"""Runs a task periodically until it is stopped."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from bot.db.outages import error_name, is_outage
from bot.domain.errors import new_reference
from bot.domain.process.metrics import DATABASE_ERRORS, DEFECTS

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Periodic:
    """A periodic task.

    Args:
        act: One run. After a failure the next run follows as usual.
        every: Seconds between runs, ±10 % so that replicas don't run in step.
        needs: Set before the first run.
        first_after: Seconds from then to the first run.
        may_act: Whether to run now; if not, this run is skipped.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[], Awaitable[object]],
        *,
        every: float,
        needs: asyncio.Event,
        first_after: float = 0.0,
        may_act: Callable[[], bool] = lambda: True,
    ) -> None:
        self._name = name
        self._act = act
        self._every = every
        self._needs = needs
        self._first_after = first_after
        self._may_act = may_act
        self._task = asyncio.create_task(self._run(), name=name)

    async def stop(self) -> None:
        """Stop; a run under way is cancelled."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await self._needs.wait()
        await asyncio.sleep(_jittered(self._first_after))
        while True:
            if self._may_act():
                await self._once()
            await asyncio.sleep(_jittered(self._every))

    async def _once(self) -> None:
        try:
            await self._act()
        except Exception as error:  # one failure must not end it
            if is_outage(error):
                DATABASE_ERRORS.labels("periodic").inc()
                log.warning("put off", what=self._name, error=error_name(error))
            else:
                DEFECTS.labels("periodic").inc()
                log.exception("failed", what=self._name, reference=new_reference())


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret
