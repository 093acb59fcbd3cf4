"""Does what schedules say: writes the operation down, and when it comes next, in one transaction.

A time to sleep that was missed is made up for, once; a time to wake isn't, as spending late is for
somebody to decide.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.acts import Cause, OperationKind, Schedule, ScheduleDays
from bot.db.claims import Claim, finish, keep
from bot.db.clock import now
from bot.db.models import Deployment, Step
from bot.db.session import Database
from bot.deployments import audit
from bot.deployments.nudges import Nudges
from bot.deployments.operations import fits, unfinished, write_down
from bot.deployments.record import facts_of, target_of, tell
from bot.deployments.timing.times import When, next_time
from bot.deployments.watching.states import COMING_UP
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.messages import schedule_replies

# What can't be done yet, as with an endpoint that is only coming up, is looked at again so soon.
_LOOK_AGAIN = timedelta(seconds=15)
_NOT_YET: Mapping[OperationKind, frozenset[str]] = {
    OperationKind.SLEEP: COMING_UP | {Status.UPDATING.value, Status.UNKNOWN.value},
    OperationKind.WAKE: frozenset({Status.STOPPING.value}),
}


class Scheduler:
    """Handles one claimed schedule.

    Args:
        nudges: Makes the workers look at once.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        nudges: Nudges,
    ) -> None:
        self._database = database
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)
        self._nudges = nudges

    async def handle(self, held: Claim) -> None:
        """Do what is due and put the schedule back, or away if it never comes again."""
        try:
            async with self._database.write() as session:
                if not await keep(session, Schedule, held, lease=self._lease):
                    return
                await self._step(session, held)
        except IntegrityError:
            # Somebody asked for the same thing at this very moment.
            async with self._database.write() as session:
                await finish(session, Schedule, held, due=_LOOK_AGAIN)
        self._nudges.submitter()
        self._nudges.sender()

    async def _step(self, session: AsyncSession, held: Claim) -> None:
        row = await session.get_one(Schedule, held.id)
        deployment = await session.get_one(
            Deployment, row.deployment_id, with_for_update={"key_share": True}
        )
        present: datetime = (await session.execute(select(now()))).scalar_one()
        if deployment.step is not Step.LIVE or row.next_at is None:
            await session.delete(row)
            return
        if present < row.next_at:
            await finish(session, Schedule, held, due=row.next_at - present)
            return
        if not await self._act(session, row, row.next_at, deployment, present):
            await finish(session, Schedule, held, due=_LOOK_AGAIN)
            return
        next_at = None
        if row.days is not ScheduleDays.ONCE:
            next_at = next_time(When(row.days, row.time_of_day, row.zone), present)
        if next_at is None:
            await session.delete(row)
            return
        row.next_at = next_at
        await session.flush()
        await finish(session, Schedule, held, due=next_at - present)

    async def _act(
        self,
        session: AsyncSession,
        row: Schedule,
        due_at: datetime,
        deployment: Deployment,
        present: datetime,
    ) -> bool:
        """Do it unless there is nothing to do. Returns whether this time is dealt with."""
        late = (present - due_at).total_seconds() > self._settings.schedule_grace
        wakes = row.kind is OperationKind.WAKE
        if deployment.status in _NOT_YET[row.kind] and not (wakes and late):
            return False
        if not fits(row.kind, deployment.status):
            return True
        if await unfinished(session, deployment.id, row.kind) is not None:
            return True
        if late:
            facts = await facts_of(session, deployment, self._settings)
            missed = schedule_replies.not_woken if wakes else schedule_replies.slept_late
            await tell(session, deployment, facts, missed(due_at))
            if wakes:
                return True
        if wakes and await target_of(session, deployment) is None:
            facts = await facts_of(session, deployment, self._settings)
            await tell(session, deployment, facts, schedule_replies.unconnected(facts))
            return True
        await write_down(
            session, deployment, self._settings, row.kind, by=row.asked_by, cause=Cause.SCHEDULE
        )
        detail = f"by a schedule of {row.asked_by}"
        audit.write_about(session, deployment, "", f"endpoint:{row.kind}", detail=detail)
        return True
