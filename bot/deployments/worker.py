"""The loop that claims rows that are due and hands each to a handler, until it is told to stop."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from bot import logs
from bot.db.claims import Claim, Claimable, claim, seconds_until_due
from bot.db.session import Database
from bot.errors import new_reference
from bot.metrics import DEFECTS

log = logs.get(__name__)

# The scan is what makes it safe: a row written by another replica, or whose nudge was lost, is
# found this late at most.
_SCAN_SECONDS = 1.0
_DATABASE_DOWN_SECONDS = (0.5, 15.0)


class Worker:
    """Claims rows of one table, a bounded number at a time.

    A row whose handler fails stays claimed until its lease ends, which also spaces its repeats:
    a row that always fails starves nobody.

    Args:
        name: For logs.
        table: What is claimed.
        handle: Does the work of one claimed row and puts it back.
        lease: How long a claim holds; longer than any handler takes.
        concurrency: The most rows in hand at once.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        table: Claimable,
        handle: Callable[[Claim], Awaitable[None]],
        *,
        lease: timedelta,
        concurrency: int,
    ) -> None:
        self._name = name
        self._database = database
        self._table = table
        self._handle = handle
        self._lease = lease
        self._concurrency = concurrency
        self._nudged = asyncio.Event()
        self._stopping = False
        self._in_hand: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """Look for due rows now; call it after committing one."""
        self._nudged.set()

    async def run(self, patience: float) -> None:
        """Work until `stop`, then let what is in hand end.

        Args:
            patience: Seconds until what is in hand is cancelled; whoever claims its rows next,
                when their lease ends, takes it up again.
        """
        pause = _DATABASE_DOWN_SECONDS[0]
        while not self._stopping:
            self._nudged.clear()
            try:
                wait = await self._take()
                pause = _DATABASE_DOWN_SECONDS[0]
            except (DBAPIError, OSError, TimeoutError) as error:
                log.warning("database unavailable", worker=self._name, error=type(error).__name__)
                wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, _DATABASE_DOWN_SECONDS[1])
            if wait and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._nudged.wait()
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def stop(self) -> None:
        """Claim no more; `run` returns once what is in hand has ended."""
        self._stopping = True
        self.nudge()

    async def _take(self) -> float:
        """Claim what there is room for; return how long to wait for a nudge, in seconds."""
        room = self._concurrency - len(self._in_hand)
        if not room:
            return _SCAN_SECONDS
        async with self._database.read() as session:
            wait = await seconds_until_due(session, self._table)
        if wait is None or wait > 0:
            return min(_SCAN_SECONDS, _SCAN_SECONDS if wait is None else wait)
        async with self._database.write() as session:
            claims = await claim(session, self._table, lease=self._lease, limit=room)
        for held in claims:
            task = asyncio.create_task(self._guarded(held), name=f"{self._name} {held.id}")
            self._in_hand.add(task)
            task.add_done_callback(self._done)
        return 0.0

    async def _guarded(self, held: Claim) -> None:
        try:
            async with asyncio.timeout(self._lease.total_seconds()):
                await self._handle(held)
        except Exception:  # one row's defect must not end the worker
            DEFECTS.labels(self._name).inc()
            log.exception("failed", worker=self._name, row=held.id, reference=new_reference())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        # There is room again, and the row may already be due again.
        self.nudge()
