"""The chore that says once of a phase that it lasts suspiciously long, and what to do."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.models import Deployment
from bot.deployments.record import facts_of, state_of, tell
from bot.deployments.watching.states import MOVING
from bot.messages import stuck_replies


async def nudge_if_stuck(
    session: AsyncSession, deployment: Deployment, present: datetime, settings: Settings
) -> datetime | None:
    """Tell the thread when the present phase has lasted too long; the next phase counts anew."""
    if deployment.stuck_at is None:
        return None
    if present < deployment.stuck_at:
        return deployment.stuck_at
    deployment.stuck_at = None
    await session.flush()
    state = state_of(deployment)
    if state is not None and state.status in MOVING:
        facts = await facts_of(session, deployment, settings)
        await tell(session, deployment, facts, stuck_replies.stuck(facts, present))
    return None
