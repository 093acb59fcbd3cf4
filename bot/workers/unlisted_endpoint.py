"""Endpoints that neither the list nor their own status returns any more.

One may have been deleted. A key that lost its project gets the same answers, and then the endpoint
runs on and is billed. So it only counts as gone if it was deleted from here, or stays away for
long. Until then its deployment stays live, is polled ever more rarely, and goes on when the
endpoint reappears.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import DELETING, MAY_HAVE_EFFECT
from bot.messages import unlisted_replies
from bot.services.thread import post
from bot.workers.snapshots import Watched

# The next poll is due after this part of the missing time, up to a limit.
_PART = 0.1
_LONGEST_PAUSE = 3600.0


def changes_row(one: Watched, started: datetime, settings: Settings) -> bool:
    """Whether a poll without the endpoint changes its row."""
    if one.missing_since is None:
        return True
    missing = (started - one.missing_since).total_seconds()
    is_reported = one.unlisted_at is not None
    return missing >= (
        settings.late_search_window if is_reported else settings.gone_confirmed_after
    )


def pause(one: Watched, started: datetime, settings: Settings) -> float:
    """Seconds until a missing endpoint is polled again."""
    steady = settings.poll_seconds_stable
    if one.missing_since is None or one.unlisted_at is None:
        return min(settings.gone_confirmed_after, steady)
    missing = (started - one.missing_since).total_seconds()
    return max(steady, min(missing * _PART, _LONGEST_PAUSE))


async def not_shown(
    session: AsyncSession, deployment: Deployment, started: datetime, settings: Settings
) -> None:
    """Record that a poll doesn't return an endpoint, and post it once that is certain."""
    if deployment.missing_since is None:
        deployment.missing_since = started
        return
    missing = (started - deployment.missing_since).total_seconds()
    if missing < settings.gone_confirmed_after:
        return
    if missing >= settings.late_search_window or await _was_deleted_here(session, deployment):
        deployment.state = DeploymentState.ENDED
        deployment.unlisted_at = None
    elif deployment.unlisted_at is None:
        deployment.unlisted_at = started
    else:
        return
    is_over = deployment.state is DeploymentState.ENDED
    reply = unlisted_replies.gone() if is_over else unlisted_replies.unlisted
    await post(session, deployment, settings, reply)
    # Its operations wait or end under the deployment's own claim.
    await make_due(session, Deployment, deployment.id)


async def shown_again(session: AsyncSession, deployment: Deployment, settings: Settings) -> None:
    """Post that an endpoint reappeared; its lifetime and operations go on."""
    deployment.missing_since = None
    if deployment.unlisted_at is None:
        return
    deployment.unlisted_at = None
    await post(session, deployment, settings, unlisted_replies.listed_again)
    await make_due(session, Deployment, deployment.id)


async def _was_deleted_here(session: AsyncSession, deployment: Deployment) -> bool:
    deleted = await session.scalar(
        select(Operation.id)
        .where(
            Operation.deployment_id == deployment.id,
            Operation.kind.in_(DELETING),
            # Also without an answer: the endpoint is gone, as requested.
            Operation.state.in_(MAY_HAVE_EFFECT),
        )
        .limit(1)
    )
    return deleted is not None
