"""What Friendli charged for endpoints, cached for some minutes."""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import structlog

from bot.db.deployment_tables import WatchedProject
from bot.db.encryption import KeyRing, UnreadableKeyError
from bot.db.session import Database
from bot.domain.friendli_errors import FriendliError
from bot.friendli.client import FriendliClient
from bot.friendli.cost import charged
from bot.services.credentials import NoKeyError, credentials_for

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Seconds.
_FRESH = 300.0
# After a failure; the API limits the rate.
_PAUSE = 60.0

# The API's limit.
_LONGEST = timedelta(days=365)
_KEPT = 1_000


class Billing:
    """Reads charges, for `timeout` seconds at most."""

    def __init__(
        self, database: Database, friendli: FriendliClient, key_ring: KeyRing, *, timeout: float
    ) -> None:
        self._database = database
        self._patience = timeout
        self._friendli = friendli
        self._key_ring = key_ring
        self._kept: dict[tuple[int, date], tuple[Mapping[str, Decimal], float]] = {}

    async def of(self, project: int, since: date, today: date) -> Mapping[str, Decimal]:
        """Dollars by endpoint id since a day in UTC, at most a year ago; empty if unknown."""
        clock = asyncio.get_running_loop().time
        kept, until = self._kept.get((project, since), ({}, 0.0))
        if clock() < until:
            return kept
        found: Mapping[str, Decimal] = {}
        fresh = _PAUSE
        try:
            async with asyncio.timeout(self._patience):
                found = await self._ask(project, since, today)
            fresh = _FRESH
        except (FriendliError, NoKeyError, UnreadableKeyError, TimeoutError) as error:
            log.info("can't ask what was charged", error=type(error).__name__)
        self._kept.pop((project, since), None)
        self._kept[project, since] = (found, clock() + fresh)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    async def _ask(self, project: int, since: date, today: date) -> Mapping[str, Decimal]:
        if today - since >= _LONGEST:
            return {}
        async with self._database.read() as session:
            row = await session.get_one(WatchedProject, project)
        credentials = credentials_for(row, self._key_ring)
        return charged(await self._friendli.get_cost(credentials, since, today + timedelta(days=1)))
