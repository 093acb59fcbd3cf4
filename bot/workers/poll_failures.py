"""Failures to poll a project: posted once to each of its threads."""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.errors import new_reference
from bot.domain.friendli_errors import FriendliError
from bot.domain.poll_failure import PollFailure
from bot.messages import replies
from bot.messages.reply import Reply
from bot.services import audit
from bot.services.back_off import back_off, jittered
from bot.services.thread import AnyReply, post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def record_failure(
    database: Database,
    settings: Settings,
    claim: Claim,
    project: WatchedProject,
    failure: PollFailure,
    error: FriendliError | TimeoutError | None,
) -> None:
    """Release a project that can't be polled now, and post why unless that was done."""
    log.warning("can't poll a project", row=claim.id, failure=failure, error=str(error or ""))
    async with database.write() as session:
        present: datetime = (await session.execute(select(now()))).scalar_one()
        since = project.failing_since or present
        failing = (present - since).total_seconds()
        # An outage is posted once it lasts; a refused key at once.
        is_new = project.reported_failure is None and (
            failure is not PollFailure.OUTAGE or failing >= settings.outage_notify_after
        )
        due = (
            back_off(project.failures, settings, error)
            if failure is PollFailure.OUTAGE
            else jittered(settings.poll_seconds_stable)
        )
        if not await release(
            session,
            WatchedProject,
            claim,
            due=due,
            failures=project.failures + 1,
            failing_since=since,
            reported_failure=failure if is_new else project.reported_failure,
        ):
            return
        if is_new and failure is PollFailure.KEY_MISMATCHED:
            await audit.write_key_mismatch(session, claim.id)
        if is_new:
            await post_to_all(session, settings, claim, _reply(failure, failing))


async def post_to_all(
    session: AsyncSession, settings: Settings, claim: Claim, reply: AnyReply
) -> None:
    """Add a reply to the threads of all live deployments of a project."""
    deployments = await session.scalars(
        select(Deployment)
        .where(Deployment.watched_project_id == claim.id, Deployment.state == DeploymentState.LIVE)
        .order_by(Deployment.id)
        .with_for_update(key_share=True)
    )
    for deployment in deployments:
        try:
            await post(session, deployment, settings, reply)
        except (ValueError, LookupError):
            # One unreadable row must not affect the others.
            log.exception("can't post", deployment=deployment.id, reference=new_reference())


def _reply(failure: PollFailure, failing: float) -> Reply:
    match failure:
        case PollFailure.OUTAGE:
            return replies.outage(failing)
        case PollFailure.KEY_REFUSED:
            return replies.key_refused()
        case PollFailure.KEY_UNREADABLE:
            return replies.key_unreadable()
        case PollFailure.KEY_MISMATCHED:
            return replies.key_mismatched()
        case PollFailure.PROJECT_LOST:
            return replies.project_lost()
