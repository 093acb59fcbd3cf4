"""A cache of which models exist, answered within Slack's time limit.

The Hub limits anonymous requests per address (500 in five minutes), so answers are cached.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from bot.hub.client import HubClient, HubUnavailableError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Slack gives up on a request after three seconds, and the database needs some of them.
_ANSWER_SECONDS = 1.0
_KEPT_SECONDS = {True: 3600.0, False: 60.0, None: 5.0}
_MOST_KEPT = 1_000


class KnownModels:
    """A cache of which models exist; `clock` returns seconds."""

    def __init__(self, hub: HubClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        # By name: the answer, and when it expires; oldest first.
        self._kept: dict[str, tuple[bool | None, float]] = {}

    async def has(self, model: str) -> bool | None:
        """Whether the Hub has a public model of this name; None if it doesn't answer in time."""
        known, until = self._kept.pop(model, (None, 0.0))
        if self._clock() < until:
            self._kept[model] = (known, until)
            return known
        answer = await self._ask(model)
        self._kept[model] = (answer, self._clock() + _KEPT_SECONDS[answer])
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return answer

    async def _ask(self, model: str) -> bool | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._hub.exists(model)
        except (HubUnavailableError, TimeoutError) as error:
            log.warning("couldn't ask the Hub for a model", error=str(error) or "time-out")
            return None
