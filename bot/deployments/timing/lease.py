"""How long an endpoint may run: when that begins, when it is over, when to say so. Pure.

The time begins when the endpoint is made, and anew when it comes up after an earlier time was
over: a request that wakes it, or a restart in Friendli Suite, is no decision to run for ever.
"""

from datetime import datetime, timedelta

from bot.config import Settings
from bot.db.acts import OperationKind
from bot.db.models import Deployment
from bot.deployments.targets.policy import LeaseEnd
from bot.deployments.watching.states import ENDED
from bot.friendli.schemas import InferenceDeploymentStatus as Status

AT_REST = ENDED | {Status.SLEEPING.value}
GOING_DOWN = frozenset({Status.STOPPING.value, Status.TERMINATING.value})
_NOTICE_SHARE = 10


def notice(seconds: int, settings: Settings) -> timedelta:
    """How long before its end the thread is told: a tenth of the time, within bounds."""
    least, most = settings.lease_notice_least, settings.lease_notice_most
    return timedelta(seconds=min(max(seconds / _NOTICE_SHARE, least), most))


def what_ends(deployment: Deployment) -> OperationKind:
    """What is done when the time is over."""
    asleep = deployment.lease_end == LeaseEnd.SLEEP
    return OperationKind.SLEEP if asleep else OperationKind.TERMINATE


def clear(deployment: Deployment) -> None:
    """The time is over; another begins when the endpoint comes up again."""
    deployment.lease_ends_at = None
    deployment.lease_warned_at = None


def extend_to(deployment: Deployment, until: datetime) -> None:
    """Move the end."""
    deployment.lease_ends_at = until
    deployment.lease_warned_at = None


def take_end_away(deployment: Deployment) -> None:
    """Let the endpoint run until somebody ends it."""
    deployment.lease_seconds = None
    clear(deployment)


def follow(deployment: Deployment, status: str, at: datetime) -> None:
    """Begin or end an endpoint's time as its status changes.

    Args:
        deployment: With the status before.
        status: The new one.
        at: When it was observed, by the database's clock.
    """
    ends_at = deployment.lease_ends_at
    if status in AT_REST:
        if ends_at is not None and ends_at <= at:
            clear(deployment)
        return
    was_down = deployment.status is None or deployment.status in AT_REST | GOING_DOWN
    if deployment.lease_seconds is None or ends_at is not None or not was_down:
        return
    if status not in GOING_DOWN:
        deployment.lease_ends_at = at + timedelta(seconds=deployment.lease_seconds)
        deployment.lease_warned_at = None
