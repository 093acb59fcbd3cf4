"""How long an endpoint may run: when that begins, when it is over, when to say so. Pure.

The time begins when the endpoint is made, and anew when it comes up after an earlier time was
over: a request that wakes it, or a restart in Friendli Suite, is no decision to run for ever.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.operations import UNFINISHED, Cause, OperationKind
from bot.domain.policy import ExpiryAction
from bot.domain.statuses import AT_REST, GOING_DOWN

_NOTICE_SHARE = 10


def notice(seconds: int, settings: Settings) -> timedelta:
    """How long before its end the thread is told: a tenth of the time, within bounds."""
    least, most = settings.lifetime_notice_min, settings.lifetime_notice_max
    return timedelta(seconds=min(max(seconds / _NOTICE_SHARE, least), most))


def what_ends(deployment: Deployment) -> OperationKind:
    """What is done when the time is over."""
    asleep = deployment.expiry_action == ExpiryAction.SLEEP
    return OperationKind.SLEEP if asleep else OperationKind.TERMINATE


def clear(deployment: Deployment) -> None:
    """The time is over; another begins when the endpoint comes up again."""
    deployment.lifetime_ends_at = None
    deployment.lifetime_warned_at = None


def extend_to(deployment: Deployment, until: datetime) -> None:
    """Move the end."""
    deployment.lifetime_ends_at = until
    deployment.lifetime_warned_at = None


def take_end_away(deployment: Deployment) -> None:
    """Let the endpoint run until somebody ends it."""
    deployment.lifetime_seconds = None
    clear(deployment)


def follow(deployment: Deployment, status: str, at: datetime) -> None:
    """Begin or end an endpoint's time as its status changes.

    Args:
        deployment: With the status before.
        status: The new one.
        at: When it was observed, by the database's clock.
    """
    ends_at = deployment.lifetime_ends_at
    if status in AT_REST:
        if ends_at is not None and ends_at <= at:
            clear(deployment)
        return
    was_down = deployment.status is None or deployment.status in AT_REST | GOING_DOWN
    if deployment.lifetime_seconds is None or ends_at is not None or not was_down:
        return
    if status not in GOING_DOWN:
        deployment.lifetime_ends_at = at + timedelta(seconds=deployment.lifetime_seconds)
        deployment.lifetime_warned_at = None


async def is_ending(session: AsyncSession, deployment: Deployment) -> bool:
    """Whether the endpoint is being ended because its time is over."""
    found = await session.scalar(
        select(Operation.id).where(
            Operation.deployment_id == deployment.id,
            Operation.cause == Cause.LIFETIME,
            Operation.state.in_(UNFINISHED),
        )
    )
    return found is not None
