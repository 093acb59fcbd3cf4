"""Whether Friendli answers, by the last polls of all replicas."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import after
from bot.db.deployment_tables import WatchedProject
from bot.domain.poll_failure import PollFailure

# A project that nobody polls now says nothing.
_IS_POLLED = WatchedProject.due_at.is_not(None) & WatchedProject.key_ciphertext.is_not(None)


async def is_friendli_answering(session: AsyncSession, unready_after: float) -> bool:
    """Whether a project was polled with success lately, or none is polled.

    A refused key is an answer. `unready_after`: seconds of failures that count as no answer.
    """
    unanswered: ColumnElement[bool] = and_(
        WatchedProject.failing_since <= after(-unready_after),
        or_(
            WatchedProject.reported_failure.is_(None),
            WatchedProject.reported_failure == PollFailure.OUTAGE,
        ),
    )
    polled, failing = (
        await session.execute(
            select(func.count(), func.count().filter(unanswered)).where(_IS_POLLED)
        )
    ).one()
    return not polled or failing < polled


async def projects_by_state(session: AsyncSession) -> Mapping[str, int]:
    """How many projects are polled, by what was reported about them: "ok" or a failure."""
    counts = dict.fromkeys(["ok", *PollFailure], 0)
    rows = await session.execute(
        select(WatchedProject.reported_failure, func.count())
        .where(_IS_POLLED)
        .group_by(WatchedProject.reported_failure)
    )
    for failure, count in rows:
        counts[failure or "ok"] = counts.get(failure or "ok", 0) + count
    return counts
