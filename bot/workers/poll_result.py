"""What a poll returned, and how it changes the rows of deployments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment
from bot.domain.schemas import DedicatedEndpointStatus, InferenceDeploymentStatus
from bot.domain.statuses import ENDED, MOVING
from bot.domain.transitions import ObservedTransition, State, observe
from bot.services.deployment_views import state_of
from bot.services.thread import record
from bot.workers import unlisted_endpoint
from bot.workers.snapshots import Watched

# For so long after an operation, a list may still show the status before it.
_LIST_LAG = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll returned.

    Attributes:
        statuses: By endpoint id; a missing one answered 404 itself, too.
        pages: Requests of a complete list.
        lists_nothing: A complete list was empty, or each endpoint answered 404.
    """

    statuses: Mapping[str, DedicatedEndpointStatus]
    pages: int
    lists_nothing: bool

    def has_changed(self, one: Watched, started: datetime, settings: Settings) -> bool:
        status = self.statuses.get(one.endpoint_id)
        if status is None:
            return unlisted_endpoint.changes_row(one, started, settings)
        return (
            one.missing_since is not None
            or one.status is None
            or _differs(one, status)
            or one.unknown_since is not None
        )

    def cadence(self, watched: Sequence[Watched], started: datetime, settings: Settings) -> float:
        """Seconds until the next poll."""
        statuses = {
            str(self.statuses[one.endpoint_id].status)
            for one in watched
            if one.endpoint_id in self.statuses
        }
        missing = [
            unlisted_endpoint.pause(one, started, settings)
            for one in watched
            if one.endpoint_id not in self.statuses
        ]
        has_operation = any(
            one.last_operation_at is not None and started - one.last_operation_at < _LIST_LAG
            for one in watched
        )
        if has_operation or statuses & (MOVING | {InferenceDeploymentStatus.UNKNOWN.value}):
            return settings.poll_seconds_transitional
        shown = settings.poll_seconds_ended if statuses <= ENDED else settings.poll_seconds_stable
        return min([*missing, *([shown] if statuses else [])])

    async def apply(
        self,
        session: AsyncSession,
        deployment: Deployment,
        started: datetime,
        settings: Settings,
    ) -> None:
        """Update a deployment's row, and post what changed."""
        status = self.statuses.get(deployment.endpoint_id or "")
        if status is None:
            await unlisted_endpoint.not_shown(session, deployment, started, settings)
            return
        if deployment.missing_since is not None:
            await unlisted_endpoint.shown_again(session, deployment, settings)
        lasts = False
        if status.status == InferenceDeploymentStatus.UNKNOWN:
            since = deployment.unknown_since or started
            deployment.unknown_since = since
            lasts = (started - since).total_seconds() >= settings.unknown_notify_after
        else:
            deployment.unknown_since = None
        state = observe(state_of(deployment), status, unknown_lasts=lasts)
        if state is not None:
            await record(
                session,
                deployment,
                settings,
                ObservedTransition(state, started, status.changed_at),
            )


def _differs(one: Watched, status: DedicatedEndpointStatus) -> bool:
    before = State(one.status, one.phase, one.error_code) if one.status is not None else None
    return observe(before, status) is not None or status.status == InferenceDeploymentStatus.UNKNOWN
