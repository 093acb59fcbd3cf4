"""The claim loop: claims due rows and passes each to a handler, until it is stopped."""

import asyncio
import contextlib
import math
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.db.claims import (
    Claim,
    ClaimableTable,
    claim_due,
    next_due,
    release_many,
    seconds_left,
    seconds_until_due,
)
from bot.db.outages import error_name, is_outage
from bot.db.session import Database
from bot.domain.process.correlation import reference_to_show
from bot.domain.process.metrics import DATABASE_ERRORS, DEFECTS

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# A row that another replica wrote, or whose notification was lost, is found this late at most.
SCAN_SECONDS = 1.0
DATABASE_DOWN_SECONDS = (0.5, 15.0)
_RELEASE_AFTER = timedelta(seconds=0.5)


class Worker:
    """Claims rows of one table, a limited number at a time.

    A row whose handler fails stays claimed until its lease ends, which also spaces its retries. So
    does a row that waits to be released with others, if the process dies. A row whose handler a
    database outage interrupted is released as soon as the database answers.

    Args:
        name: For logs.
        handle: Handles one claimed row. It releases the row itself, or returns the delay until the
            row is due again, and the worker releases it.
        lease: How long a claim holds; longer than any handler takes.
        concurrency: The most rows claimed at once.
        gather: Seconds for which due rows and releases are collected for one transaction.
        may_claim: Whether rows may be claimed now; claimed ones are finished either way.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        table: ClaimableTable,
        handle: Callable[[Claim], Awaitable[timedelta | None]],
        *,
        lease: timedelta,
        concurrency: int,
        gather: float = 0.0,
        may_claim: Callable[[], bool] = lambda: True,
    ) -> None:
        self._name = name
        self._database = database
        self._table = table
        self._handle = handle
        self._lease = lease
        self._concurrency = concurrency
        self._gather = gather
        self._may_claim = may_claim
        self._scan_seconds = SCAN_SECONDS
        self._notified = asyncio.Event()
        self._stopped = asyncio.Event()
        self._in_hand: set[asyncio.Task[bool]] = set()
        # When the next row is due, by the loop's clock, as far as it is known.
        self._due_from = math.inf
        # With the time at which it is due again, by the loop's clock.
        self._to_put_back: list[tuple[Claim, float]] = []
        database.subscribe(table, self._notified.set)

    def notify(self) -> None:
        """Look for due rows now."""
        self._notified.set()

    @property
    def table(self) -> ClaimableTable:
        return self._table

    def leave_scanning(self) -> None:
        """Stop scanning: `found_due` is called by a scan of all tables."""
        self._scan_seconds = math.inf

    def found_due(self) -> None:
        """Claim now: a scan found a due row."""
        self._due_from = asyncio.get_running_loop().time()
        self._notified.set()

    async def run(self, grace: float) -> None:
        """Claim until `stop`; after `grace` seconds, running handlers are cancelled."""
        pause = DATABASE_DOWN_SECONDS[0]
        while not self._stopped.is_set():
            self._notified.clear()
            try:
                wait = await self._take()
                pause = DATABASE_DOWN_SECONDS[0]
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                self._count(error)
                wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, DATABASE_DOWN_SECONDS[1])
            if self._in_hand or self._to_put_back:
                # Handlers that end meanwhile are released together, and soon.
                wait = min(wait, SCAN_SECONDS)
            await wait_for(self._stopped, self._gather)
            if not self._stopped.is_set():
                await wait_for(self._notified, wait - self._gather)
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
            await self._write(room=0)

    def stop(self) -> None:
        """Claim no more; `run` returns once all handlers have ended."""
        self._stopped.set()
        self.notify()

    async def _take(self) -> float:
        """Claim rows up to the limit; return the seconds to wait for a notification."""
        room = self._concurrency - len(self._in_hand) if self._may_claim() else 0
        if not self._to_put_back:
            if not room:
                return self._scan_seconds
            if asyncio.get_running_loop().time() < self._due_from:
                [found] = await self._database.rows(next_due(self._table))
                wait = seconds_left(found)
                if wait is None or wait > 0:
                    return self._wait(wait)
        wait = await self._write(room)
        return self._wait(wait) if room else self._scan_seconds

    async def _write(self, room: int) -> float | None:
        """Release handled rows, claim due ones, and return when the next row is due."""
        putting_back = self._to_put_back.copy()
        if not (putting_back or room):
            return None
        present = asyncio.get_running_loop().time()
        rest = [(claim, timedelta(seconds=max(0.0, at - present))) for claim, at in putting_back]

        def swap(connection: Connection) -> tuple[list[Claim], float | None]:
            release_many(connection, self._table, rest)
            claims = (
                claim_due(connection, self._table, lease=self._lease, limit=room) if room else []
            )
            return claims, seconds_until_due(connection, self._table)

        claims, wait = await self._database.at_once(swap)
        del self._to_put_back[: len(putting_back)]
        for claim in claims:
            task = asyncio.create_task(self._guarded(claim), name=f"{self._name} {claim.id}")
            self._in_hand.add(task)
            task.add_done_callback(self._done)
        return wait

    def _wait(self, until_due: float | None) -> float:
        if until_due is None:
            self._due_from = math.inf
            return self._scan_seconds
        # Claim rows that come due within `gather` seconds together.
        wait = until_due + self._gather if until_due else 0.0
        self._due_from = asyncio.get_running_loop().time() + wait
        return min(wait, self._scan_seconds)

    async def _guarded(self, claim: Claim) -> bool:
        """Handle a row; return whether to look for due rows soon."""
        limit = asyncio.timeout(self._lease.total_seconds())
        try:
            async with limit:
                due = await self._handle(claim)
        except Exception as error:  # one row's defect must not end the worker
            if not is_outage(error) or limit.expired():
                DEFECTS.labels(self._name).inc()
                log.exception(
                    "failed", worker=self._name, row=claim.id, reference=reference_to_show()
                )
                return True
            self._count(error, row=claim.id)
            due = _RELEASE_AFTER
        if due is None:
            # It may be due again already.
            return True
        seconds = due.total_seconds()
        self._to_put_back.append((claim, asyncio.get_running_loop().time() + seconds))
        return seconds < SCAN_SECONDS

    def _count(self, error: Exception, **where: object) -> None:
        if is_outage(error):
            DATABASE_ERRORS.labels(self._name).inc()
            log.warning("database unavailable", worker=self._name, error=error_name(error), **where)
        else:
            DEFECTS.labels(self._name).inc()
            log.error("failed", worker=self._name, reference=reference_to_show(), exc_info=error)

    def _done(self, task: asyncio.Task[bool]) -> None:
        was_full = len(self._in_hand) >= self._concurrency
        self._in_hand.discard(task)
        if was_full or task.cancelled() or task.result():
            self.notify()


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    if seconds == math.inf:
        await event.wait()
    elif seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
