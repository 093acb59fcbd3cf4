"""Periodic check: warns before a lifetime ends, then ends the endpoint, with retries.

Everything is computed anew from the row and its operations, so any replica may run it at any time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.operations import Cause
from bot.domain.statuses import AT_REST, GOING_DOWN
from bot.messages import lifetime_replies
from bot.services import audit
from bot.services.lifetime import clear, expiry_operation, notice
from bot.services.operations import request_operation, unfinished_operation
from bot.services.thread import post

_WAIT_FOR_OTHERS = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


async def end_in_time(
    session: AsyncSession, deployment: Deployment, present: datetime, settings: Settings
) -> datetime | None:
    """Warn before the lifetime ends, and end the endpoint then.

    Without a warning, as when the bot was down, the minimum notice applies.
    """
    ends_at, seconds = deployment.lifetime_ends_at, deployment.lifetime_seconds
    # It comes to rest soon, and is checked then.
    if ends_at is None or seconds is None or deployment.status in GOING_DOWN:
        return None
    if deployment.status in AT_REST:
        if present < ends_at:
            return ends_at
        clear(deployment)
        await post(session, deployment, settings)
        return None
    if deployment.lifetime_warned_at is None:
        warned_from = ends_at - notice(seconds, settings)
        if present < warned_from:
            return warned_from
        ends_at = max(ends_at, present + timedelta(seconds=settings.lifetime_notice_min))
        deployment.lifetime_warned_at, deployment.lifetime_ends_at = present, ends_at
        await post(session, deployment, settings, lifetime_replies.warning)
    if present < ends_at:
        return ends_at
    return await _end(session, deployment, present, ends_at, settings)


async def _end(
    session: AsyncSession,
    deployment: Deployment,
    present: datetime,
    ends_at: datetime,
    settings: Settings,
) -> datetime | None:
    kind = expiry_operation(deployment)
    tries = await tries_to_end(session, deployment, ends_at)
    if tries:
        last = tries[-1]
        if last.finished_at is None:
            return None
        if present - ends_at > timedelta(seconds=settings.lifetime_end_give_up_after):
            clear(deployment)
            await post(
                session, deployment, settings, lambda view: lifetime_replies.given_up(view, kind)
            )
            return None
        again_at = last.finished_at + _pause(len(tries), settings)
        if present < again_at:
            return again_at
    # While it comes up or rolls out a version, it can't be put to sleep.
    if not kind.fits(deployment.status) or await unfinished_operation(session, deployment.id, kind):
        return present + _WAIT_FOR_OTHERS
    await request_operation(
        session, deployment, settings, kind, by="", cause=Cause.LIFETIME, quietly=bool(tries)
    )
    audit.write_about(session, deployment, "", kind.audit_action, detail="its time was over")
    return None


async def tries_to_end(
    session: AsyncSession, deployment: Deployment, ends_at: datetime
) -> Sequence[Operation]:
    """The operations since the lifetime ended, oldest first."""
    rows = await session.scalars(
        select(Operation)
        .where(
            Operation.deployment_id == deployment.id,
            Operation.cause == Cause.LIFETIME,
            Operation.requested_at >= ends_at,
        )
        .order_by(Operation.id)
    )
    return rows.all()


def _pause(tries: int, settings: Settings) -> timedelta:
    """Twice as long after each try, up to an hour."""
    first = timedelta(seconds=settings.lifetime_end_retry)
    return min(first * (1 << min(tries - 1, 10)), max(_LONGEST_PAUSE, first))
