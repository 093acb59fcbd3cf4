"""Periodic check: reports once that a phase lasts suspiciously long."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment
from bot.domain.statuses import MOVING
from bot.messages import stuck_phase
from bot.services.deployment_views import state_of
from bot.services.thread import post


async def report_stuck_phase(
    session: AsyncSession, deployment: Deployment, present: datetime, settings: Settings
) -> datetime | None:
    if deployment.stuck_at is None:
        return None
    if present < deployment.stuck_at:
        return deployment.stuck_at
    deployment.stuck_at = None
    state = state_of(deployment)
    if state is not None and state.status in MOVING:
        await post(session, deployment, settings, lambda view: stuck_phase.stuck(view, present))
    return None
