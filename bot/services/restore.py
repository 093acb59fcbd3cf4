"""Runs once after the database was restored from a backup, before any worker starts.

The backup doesn't know what was done since. So nothing that is pending in it is done: what may have
been created is searched for by name, unfinished operations and missed schedules end, and a project
is listed before anything is sent for it.
"""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import null, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db import restore_mark
from bot.db.claims import make_due
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.inference_tables import SmokeTest
from bot.db.message_tables import Message
from bot.db.operation_tables import Operation, Schedule
from bot.db.session import Database
from bot.domain.audit_effect import Effect
from bot.domain.delivery import Delivery
from bot.domain.deployment_state import UNSENT, DeploymentState
from bot.domain.operations import UNFINISHED, OperationState
from bot.domain.schedule_days import ScheduleDays
from bot.domain.smoke_test import SmokeTestState
from bot.domain.times_of_day import When, next_time
from bot.messages import restored_replies
from bot.services import audit
from bot.services.thread import post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def reconcile_if_restored(database: Database, settings: Settings) -> None:
    """Make a restored database safe against repeats; leave any other one alone."""
    async with database.write() as session:
        if not await restore_mark.was_restored(session, is_sqlite=database.is_sqlite):
            return
        present: datetime = (await session.execute(select(now()))).scalar_one()
        await _look_before_posting(session)
        deployments = (await session.scalars(select(Deployment).order_by(Deployment.id))).all()
        for deployment in deployments:
            await _end_operations(session, deployment, settings, present)
            if deployment.state in UNSENT:
                # It may have been sent since.
                await _doubt(session, deployment, settings, present)
            elif deployment.state is DeploymentState.LIVE:
                # It may have been extended since: without a warning, the minimum notice applies.
                deployment.lifetime_warned_at = None
        await _skip_missed_schedules(session, present)
        await _skip_smoke_tests(session)
        await session.flush()
        for id_ in (await session.scalars(select(WatchedProject.id))).all():
            await make_due(session, WatchedProject, id_)
        await session.execute(
            update(WatchedProject)
            .values(unreconciled=True)
            .execution_options(synchronize_session=False)
        )
        await restore_mark.clear_mark(session, is_sqlite=database.is_sqlite)
    log.warning("the database was restored from a backup", deployments=len(deployments))


async def _look_before_posting(session: AsyncSession) -> None:
    """Unsent messages may have been sent since: search for them in Slack before posting."""
    await session.execute(
        update(Message)
        .where(Message.delivery == Delivery.PENDING)
        .values(delivery=Delivery.SENDING, sending_since=now(), reads=0)
        .execution_options(synchronize_session=False)
    )


async def _end_operations(
    session: AsyncSession, deployment: Deployment, settings: Settings, present: datetime
) -> None:
    operations = await session.scalars(
        select(Operation)
        .where(Operation.deployment_id == deployment.id, Operation.state.in_(UNFINISHED))
        .order_by(Operation.id)
    )
    for operation in operations.all():
        is_proposed = operation.state is OperationState.PROPOSED
        operation.state = OperationState.REJECTED if is_proposed else OperationState.REFUSED
        operation.finished_at = present
        await post(
            session, deployment, settings, partial(restored_replies.not_done, kind=operation.kind)
        )
        audit.write_about(
            session,
            deployment,
            operation.requested_by,
            operation.kind.audit_action,
            Effect.REFUSED,
            detail="the bot's database was restored from a backup",
        )


async def _doubt(
    session: AsyncSession, deployment: Deployment, settings: Settings, present: datetime
) -> None:
    deployment.state = DeploymentState.OUTCOME_UNKNOWN
    # The ids before the request are unknown: only the name identifies the endpoint.
    deployment.ids_before = None
    deployment.sent_at = present
    deployment.expires_at = None
    await post(session, deployment, settings, restored_replies.looking)
    await make_due(session, Deployment, deployment.id)


async def _skip_smoke_tests(session: AsyncSession) -> None:
    """They may have been sent since."""
    await session.execute(
        update(SmokeTest)
        .where(SmokeTest.state.in_((SmokeTestState.PENDING, SmokeTestState.SENDING)))
        .values(state=SmokeTestState.SKIPPED, due_at=null())
        .execution_options(synchronize_session=False)
    )


async def _skip_missed_schedules(session: AsyncSession, present: datetime) -> None:
    missed = await session.scalars(select(Schedule).where(Schedule.next_at <= present))
    for schedule in missed.all():
        when = When(schedule.days, schedule.time_of_day, schedule.zone)
        next_at = None if schedule.days is ScheduleDays.ONCE else next_time(when, present)
        if next_at is None:
            await session.delete(schedule)
        else:
            schedule.next_at = next_at
