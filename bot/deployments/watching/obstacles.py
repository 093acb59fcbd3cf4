"""What stands in the way of watching a project: told to each of its threads once."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.claims import Claim, finish
from bot.db.clock import now
from bot.db.models import Deployment, Step, WatchedProject
from bot.db.session import Database
from bot.deployments import audit
from bot.deployments.pace import back_off, jittered
from bot.deployments.record import facts_of, tell
from bot.deployments.watching.obstacle import Obstacle
from bot.errors import new_reference
from bot.friendli.errors import FriendliError
from bot.messages import replies
from bot.messages.facts import Facts
from bot.messages.reply import Reply

log = logs.get(__name__)


async def obstructed(
    database: Database,
    settings: Settings,
    held: Claim,
    project: WatchedProject,
    obstacle: Obstacle,
    error: FriendliError | TimeoutError | None,
) -> bool:
    """Put a project back that can't be watched now, and tell it if that wasn't done yet.

    Returns:
        Whether it was told.
    """
    log.warning("can't watch a project", row=held.id, obstacle=obstacle, error=str(error or ""))
    async with database.write() as session:
        present: datetime = (await session.execute(select(now()))).scalar_one()
        since = project.failing_since or present
        failing = (present - since).total_seconds()
        # A passing outage isn't worth a message; a refused key is, at once.
        tell_now = project.told is None and (
            obstacle is not Obstacle.OUTAGE or failing >= settings.outage_told_after
        )
        due = (
            back_off(project.failures, settings, error)
            if obstacle is Obstacle.OUTAGE
            else jittered(settings.poll_seconds_steady)
        )
        if not await finish(
            session,
            WatchedProject,
            held,
            due=due,
            failures=project.failures + 1,
            failing_since=since,
            told=obstacle if tell_now else project.told,
        ):
            return False
        if tell_now and obstacle is Obstacle.KEY_MISMATCHED:
            await audit.write_key_mismatch(session, held.id)
        if tell_now:
            await tell_all(session, settings, held, partial(_said, obstacle, failing))
    return tell_now


async def tell_all(
    session: AsyncSession, settings: Settings, held: Claim, said: Callable[[Facts], Reply]
) -> None:
    """Add a reply to the thread of every endpoint that the project watches."""
    deployments = await session.scalars(
        select(Deployment)
        .where(Deployment.watched_project_id == held.id, Deployment.step == Step.LIVE)
        .order_by(Deployment.id)
        .with_for_update(key_share=True)
    )
    for deployment in deployments:
        try:
            facts = await facts_of(session, deployment, settings)
        except (ValueError, LookupError):
            # One row that can't be read must not silence its neighbours.
            log.exception("can't tell", deployment=deployment.id, reference=new_reference())
            continue
        await tell(session, deployment, facts, said(facts))


def _said(obstacle: Obstacle, failing: float, facts: Facts) -> Reply:
    match obstacle:
        case Obstacle.OUTAGE:
            return replies.outage(failing)
        case Obstacle.KEY_REFUSED:
            return replies.key_refused(facts)
        case Obstacle.KEY_UNREADABLE:
            return replies.key_unreadable(facts)
        case Obstacle.KEY_MISMATCHED:
            return replies.key_mismatched(facts)
        case Obstacle.PROJECT_LOST:
            return replies.project_lost()
