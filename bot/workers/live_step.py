"""The step of a live endpoint: its oldest operation, otherwise the periodic checks.

A check does what is due, such as ending a lifetime, and returns when to call it again. The
deployment is due at the earliest of these times.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release, renew
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import ENDING, UNDER_WAY
from bot.services.pending_operations import drop_operations
from bot.workers.operation_runner import OperationRunner

PeriodicCheck = Callable[[AsyncSession, Deployment, datetime, Settings], Awaitable[datetime | None]]
"""Given the row and the database's time: do what is due; return when to call it again."""

# The least time between two calls of the checks.
_LEAST_PAUSE = timedelta(milliseconds=10)


class LiveStep:
    """Takes the next step of live deployments."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        runner: OperationRunner,
        checks: Sequence[PeriodicCheck],
    ) -> None:
        self._database = database
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)
        self._runner = runner
        self._checks = checks

    async def handle(self, claim: Claim, deployment: Deployment, project: WatchedProject) -> None:
        if deployment.unlisted_at is not None:
            await self._hold(claim)
            return
        async with self._database.read() as session:
            operation = await session.scalar(
                select(Operation)
                .where(
                    Operation.deployment_id == deployment.id,
                    Operation.state.in_(UNDER_WAY),
                )
                .order_by(Operation.id)
                .limit(1)
            )
        if operation is not None:
            await self._runner.carry_out(claim, deployment, project, operation)
            return
        async with self._database.write() as session:
            # First, so that a stale claim writes nothing.
            if not await renew(session, Deployment, claim, lease=self._lease):
                return
            row = await session.get_one(Deployment, claim.id)
            present: datetime = (await session.execute(select(now()))).scalar_one()
            next_calls: list[datetime] = []
            if row.state == DeploymentState.LIVE:
                for check in self._checks:
                    next_at = await check(session, row, present, self._settings)
                    if next_at is not None:
                        next_calls.append(next_at)
            await session.flush()
            wait = max(min(next_calls) - present, _LEAST_PAUSE) if next_calls else None
            await release(session, Deployment, claim, due=wait)

    async def _hold(self, claim: Claim) -> None:
        """While Friendli doesn't list an endpoint, only operations that end it stay requested."""
        async with self._database.write() as session:
            if await release(session, Deployment, claim, due=None):
                row = await session.get_one(Deployment, claim.id)
                await drop_operations(session, row, self._settings, but=ENDING)
