"""Requests the operations of schedules that are due.

A missed operation that spends nothing is made up for once; one that spends is left to people.
"""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release, renew
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Schedule
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import Cause
from bot.domain.schedule_days import ScheduleDays
from bot.domain.times_of_day import When, next_time
from bot.messages import schedule_replies
from bot.services import audit
from bot.services.lookup import target_of
from bot.services.operations import request_operation, unfinished_operation
from bot.services.thread import post

# For what can't be done yet, as while an endpoint comes up.
_LOOK_AGAIN = timedelta(seconds=15)


class Scheduler:
    """Handles one claimed schedule."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)

    async def handle(self, claim: Claim) -> None:
        """Do what is due, and release the schedule, or delete it if it is over."""
        try:
            async with self._database.write() as session:
                if not await renew(session, Schedule, claim, lease=self._lease):
                    return
                await self._step(session, claim)
        except IntegrityError:
            # The same operation was requested at this moment.
            async with self._database.write() as session:
                await release(session, Schedule, claim, due=_LOOK_AGAIN)

    async def _step(self, session: AsyncSession, claim: Claim) -> None:
        row = await session.get_one(Schedule, claim.id)
        deployment = await session.get_one(
            Deployment, row.deployment_id, with_for_update={"key_share": True}
        )
        present: datetime = (await session.execute(select(now()))).scalar_one()
        if deployment.state is not DeploymentState.LIVE or row.next_at is None:
            await session.delete(row)
            return
        if present < row.next_at:
            await release(session, Schedule, claim, due=row.next_at - present)
            return
        if not await self._act(session, row, row.next_at, deployment, present):
            await release(session, Schedule, claim, due=_LOOK_AGAIN)
            return
        next_at = None
        if row.days is not ScheduleDays.ONCE:
            next_at = next_time(When(row.days, row.time_of_day, row.zone), present)
        if next_at is None:
            await session.delete(row)
            return
        row.next_at = next_at
        await session.flush()
        await release(session, Schedule, claim, due=next_at - present)

    async def _act(
        self,
        session: AsyncSession,
        row: Schedule,
        due_at: datetime,
        deployment: Deployment,
        present: datetime,
    ) -> bool:
        """Request the operation unless there is nothing to do. Returns whether that is settled."""
        late = (present - due_at).total_seconds() > self._settings.schedule_grace
        spends = row.kind.facts.spends
        waits = deployment.status in (row.kind.facts.waits_in or ())
        if waits and not (spends and late):
            return False
        if not row.kind.fits(deployment.status):
            return True
        if await unfinished_operation(session, deployment.id, row.kind) is not None:
            return True
        if late:
            missed = schedule_replies.missed(row.kind, due_at)
            await post(session, deployment, self._settings, missed)
            if spends:
                return True
        if spends and await target_of(session, deployment) is None:
            unconnected = partial(schedule_replies.unconnected, kind=row.kind)
            await post(session, deployment, self._settings, unconnected)
            return True
        await request_operation(
            session, deployment, self._settings, row.kind, by=row.requested_by, cause=Cause.SCHEDULE
        )
        detail = f"by a schedule of {row.requested_by}"
        audit.write_about(session, deployment, "", row.kind.audit_action, detail=detail)
        return True
