"""Add, list and remove schedules."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Transition
from bot.db.operation_tables import Schedule
from bot.db.session import Database, notify_on_commit
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.schedule_days import ScheduleDays
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.times_of_day import When, next_time
from bot.messages import schedule_replies
from bot.messages.schedule_replies import Planned
from bot.services import audit
from bot.services.lookup import in_channel, lock_deployment
from bot.services.operations import needs_approval
from bot.services.terms import terms_of
from bot.services.thread import post

MOST_PER_ENDPOINT = 10


class ScheduleOutcome(StrEnum):
    """Outcome of a request about schedules."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    TOO_MANY = "too_many"
    OVER = "over"
    """That time has passed."""
    GONE = "gone"


class Schedules:
    """Records schedules, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def present(self) -> datetime:
        """The database's time."""
        async with self._database.read() as session:
            return (await session.execute(select(now()))).scalar_one()

    async def add(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        kind: OperationKind,
        when: When,
        request_id: str,
        *,
        zone_known: bool,
    ) -> tuple[ScheduleOutcome, Planned | None]:
        """Add a schedule and post it.

        Args:
            request_id: Of the command: accepted once.
            zone_known: Whether Slack knows the person's time zone.
        """
        own_id = uuid.uuid5(uuid.NAMESPACE_OID, request_id).hex
        async with self._database.write() as session:
            deployment = await lock_deployment(session, place, public_id)
            if deployment is None or deployment.state is not DeploymentState.LIVE:
                return ScheduleOutcome.GONE, None
            known = select(Schedule.id).where(Schedule.public_id == own_id)
            if await session.scalar(known) is not None:
                return ScheduleOutcome.REPEATED, None
            count = await session.scalar(
                select(func.count()).where(Schedule.deployment_id == deployment.id)
            )
            if (count or 0) >= MOST_PER_ENDPOINT:
                return ScheduleOutcome.TOO_MANY, None
            present: datetime = (await session.execute(select(now()))).scalar_one()
            next_at = next_time(when, present)
            if next_at is None:
                return ScheduleOutcome.OVER, None
            row = Schedule(
                public_id=own_id,
                deployment_id=deployment.id,
                kind=kind,
                days=when.days,
                time_of_day=when.time_of_day,
                zone=when.zone,
                next_at=next_at,
                due_at=next_at,
                requested_by=person.id,
                requested_at=present,
            )
            session.add(row)
            notify_on_commit(session, Schedule)
            await session.flush()
            planned = _planned(row, deployment.name)
            terms = terms_of(deployment, kind, self._settings.prices)
            waits = await needs_approval(session, deployment, terms)
            await post(
                session,
                deployment,
                self._settings,
                lambda view: schedule_replies.scheduled(
                    view, planned, zone_known=zone_known, waits=waits
                ),
            )
            _audit(session, deployment, person, f"made a schedule: {_plain(planned)}")
        return ScheduleOutcome.ACCEPTED, planned

    async def retry_later(
        self, place: ChannelRef, person: Actor, public_id: str, *, message_ts: str
    ) -> tuple[ScheduleOutcome, datetime | None]:
        """Restart a failed endpoint once, a while later; a second request changes nothing.

        Returns:
            The outcome, and when the restart is requested.
        """
        async with self._database.write() as session:
            deployment = await lock_deployment(session, place, public_id)
            if deployment is None or deployment.status != Status.FAILED:
                return ScheduleOutcome.GONE, None
            failures = await session.scalar(
                select(func.max(Transition.sequence)).where(
                    Transition.deployment_id == deployment.id
                )
            )
            own_id = uuid.uuid5(uuid.NAMESPACE_OID, f"retry {public_id} {failures}").hex
            known = select(Schedule.next_at).where(Schedule.public_id == own_id)
            planned_at = await session.scalar(known)
            if planned_at is not None:
                return ScheduleOutcome.REPEATED, planned_at
            present: datetime = (await session.execute(select(now()))).scalar_one()
            at = present + timedelta(seconds=self._settings.retry_after)
            row = Schedule(
                public_id=own_id,
                deployment_id=deployment.id,
                kind=OperationKind.RESTART,
                days=ScheduleDays.ONCE,
                time_of_day=f"{at.astimezone(UTC):%H:%M}",
                zone="UTC",
                next_at=at,
                due_at=at,
                requested_by=person.id,
                requested_at=present,
            )
            session.add(row)
            notify_on_commit(session, Schedule)
            await session.flush()
            terms = terms_of(deployment, row.kind, self._settings.prices)
            waits = await needs_approval(session, deployment, terms)
            said = schedule_replies.retry_planned(_planned(row, deployment.name), at, waits=waits)
            await post(session, deployment, self._settings, said)
            detail = f"requested a retry at {at.astimezone(UTC):%H:%M} UTC"
            _audit(session, deployment, person, detail, message_ts)
        return ScheduleOutcome.ACCEPTED, at

    async def of(self, place: ChannelRef, public_id: str | None = None) -> Sequence[Planned]:
        """The schedules of a channel or of one deployment, the next one first."""
        query = (
            select(Schedule, Deployment.name)
            .join(Deployment, Deployment.id == Schedule.deployment_id)
            .where(
                *in_channel(Deployment, place),
                Deployment.state == DeploymentState.LIVE,
            )
            .order_by(Schedule.next_at, Schedule.id)
        )
        if public_id is not None:
            query = query.where(Deployment.public_id == public_id)
        async with self._database.read() as session:
            rows = await session.execute(query)
            return [_planned(row, name) for row, name in rows]

    async def deployment_of(self, place: ChannelRef, schedule_id: str) -> Deployment | None:
        """The deployment of a schedule in this channel."""
        async with self._database.read() as session:
            found = await _find(session, place, schedule_id)
        return None if found is None else found[1]

    async def remove(
        self, place: ChannelRef, person: Actor, schedule_id: str, *, message_ts: str = ""
    ) -> ScheduleOutcome:
        async with self._database.write() as session:
            found = await _find(session, place, schedule_id, lock=True)
            if found is None:
                return ScheduleOutcome.GONE
            row, deployment = found
            planned = _planned(row, deployment.name)
            await session.delete(row)
            await post(
                session, deployment, self._settings, schedule_replies.removed(planned, person.id)
            )
            detail = f"removed a schedule: {_plain(planned)}"
            _audit(session, deployment, person, detail, message_ts)
        return ScheduleOutcome.ACCEPTED


async def _find(
    session: AsyncSession, place: ChannelRef, schedule_id: str, *, lock: bool = False
) -> tuple[Schedule, Deployment] | None:
    query = select(Schedule).where(Schedule.public_id == schedule_id)
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        return None
    deployment = await session.get_one(
        Deployment, row.deployment_id, with_for_update={"key_share": True} if lock else None
    )
    belongs = (deployment.enterprise_id, deployment.workspace_id, deployment.channel_id)
    here = (place.enterprise_id, place.workspace_id, place.channel_id)
    return (row, deployment) if belongs == here else None


def _planned(row: Schedule, endpoint: str) -> Planned:
    return Planned(
        row.public_id,
        row.kind,
        row.days,
        row.time_of_day,
        row.zone,
        row.next_at,
        endpoint,
        row.requested_by,
    )


def _plain(planned: Planned) -> str:
    return f"{planned.kind} {planned.days} at {planned.time_of_day} {planned.zone}"


def _audit(
    session: AsyncSession, deployment: Deployment, person: Actor, detail: str, message_ts: str = ""
) -> None:
    audit.write_about(
        session, deployment, person.id, Permission.OPERATE, detail=detail, message_ts=message_ts
    )
