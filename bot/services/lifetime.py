"""Begin, extend and end the lifetime of an endpoint.

It begins when the endpoint is created, and anew when the endpoint comes up after the last lifetime
ended: a request that wakes it, or a restart in Friendli Suite, doesn't mean "run for ever".
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
    """How long before its end the thread is warned: a tenth of the lifetime, within bounds."""
    least, most = settings.lifetime_notice_min, settings.lifetime_notice_max
    return timedelta(seconds=min(max(seconds / _NOTICE_SHARE, least), most))


def expiry_operation(deployment: Deployment) -> OperationKind:
    asleep = deployment.expiry_action == ExpiryAction.SLEEP
    return OperationKind.SLEEP if asleep else OperationKind.TERMINATE


def clear(deployment: Deployment) -> None:
    """End the lifetime; another begins when the endpoint comes up again."""
    deployment.lifetime_ends_at = None
    deployment.lifetime_warned_at = None


def extend_to(deployment: Deployment, until: datetime) -> None:
    deployment.lifetime_ends_at = until
    deployment.lifetime_warned_at = None


def remove_end(deployment: Deployment) -> None:
    """Let the endpoint run until a person ends it."""
    deployment.lifetime_seconds = None
    clear(deployment)


def follow(deployment: Deployment, status: str, at: datetime) -> None:
    """Begin or end the lifetime as the status changes, at the database's time `at`."""
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
    """Whether the endpoint is being ended because its lifetime is over."""
    found = await session.scalar(
        select(Operation.id).where(
            Operation.deployment_id == deployment.id,
            Operation.cause == Cause.LIFETIME,
            Operation.state.in_(UNFINISHED),
        )
    )
    return found is not None
