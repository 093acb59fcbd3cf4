"""Look once a second which tables have rows that are due: one query for all workers.

A worker knows when the rows are due that this process wrote. What another replica wrote is found
here. It is a query and not LISTEN, which a pooler in transaction mode doesn't pass on.
"""

import asyncio
import random
from collections.abc import Sequence

import structlog
from sqlalchemy import Select, false, func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.db.claims import ClaimableTable
from bot.db.clock import now
from bot.db.outages import error_name
from bot.db.session import Database
from bot.domain.process.metrics import DATABASE_ERRORS
from bot.workers.claim_loop import DATABASE_DOWN_SECONDS, SCAN_SECONDS, Worker, wait_for

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Scan:
    """Calls the workers for rows that are due.

    Args:
        workers: None of them scans its table itself any more.
    """

    def __init__(self, database: Database, workers: Sequence[Worker]) -> None:
        self._database = database
        self._workers = workers
        self._stopped = asyncio.Event()
        for worker in workers:
            worker.leave_scanning()

    async def run(self) -> None:
        """Scan until `stop`."""
        pause = DATABASE_DOWN_SECONDS[0]
        due = _due([worker.table for worker in self._workers])
        while not self._stopped.is_set():
            try:
                # One connection for all scans: no ping before each, which would double them.
                async with self._database.engine.connect() as connection:
                    while not self._stopped.is_set():
                        found = (await connection.execute(due)).one()
                        # Without it, one snapshot would be kept for ever.
                        await connection.rollback()
                        pause = DATABASE_DOWN_SECONDS[0]
                        for worker, is_due in zip(self._workers, found, strict=True):
                            if is_due:
                                worker.found_due()
                        await wait_for(self._stopped, SCAN_SECONDS)
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                DATABASE_ERRORS.labels("scan").inc()
                log.warning("database unavailable", worker="scan", error=error_name(error))
                await wait_for(self._stopped, pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, DATABASE_DOWN_SECONDS[1])

    def stop(self) -> None:
        """Scan no more."""
        self._stopped.set()


def _due(tables: Sequence[ClaimableTable]) -> Select[*tuple[bool, ...]]:
    """Whether each table has a row that is due."""
    return select(
        *(
            func.coalesce(select(func.min(table.due_at)).scalar_subquery() <= now(), false())
            for table in tables
        )
    )
