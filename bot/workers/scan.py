"""Finds the tables with due rows once a second, in one query for all workers.

For rows that another replica wrote. It is a query and not LISTEN, which a pooler in transaction
mode doesn't support.
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
    """Notifies workers of due rows; they don't scan themselves."""

    def __init__(self, database: Database, workers: Sequence[Worker]) -> None:
        self._database = database
        self._workers = workers
        self._stopped = asyncio.Event()
        for worker in workers:
            worker.leave_scanning()

    async def run(self) -> None:
        pause = DATABASE_DOWN_SECONDS[0]
        due = _due([worker.table for worker in self._workers])
        while not self._stopped.is_set():
            try:
                # One connection for all scans, without a ping before each.
                async with self._database.engine.connect() as connection:
                    while not self._stopped.is_set():
                        found = (await connection.execute(due)).one()
                        # Ends the snapshot.
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
        self._stopped.set()


def _due(tables: Sequence[ClaimableTable]) -> Select[*tuple[bool, ...]]:
    return select(
        *(
            func.coalesce(select(func.min(table.due_at)).scalar_subquery() <= now(), false())
            for table in tables
        )
    )
