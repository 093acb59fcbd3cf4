"""The rows that a poll compares with, and a copy in memory for unchanged projects.

A snapshot only saves reading the rows: a difference is compared with the rows again in the
transaction that posts it. It is valid while the fencing token shows that nobody else has polled the
project or made it due. So code that changes which endpoints a project watches, what is recorded of
them, or the key, makes the project due in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.claims import Claim
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.domain.deployment_state import DeploymentState
from bot.domain.schemas import DedicatedEndpointStatus

# An older version, or a person at the database, may change rows without making them due.
_TRUSTED_POLLS = 10


@dataclass(frozen=True, slots=True)
class Watched:
    """The columns of a deployment that a poll needs."""

    id: int
    endpoint_id: str
    status: str | None
    phase: str | None
    error_code: str | None
    last_operation_at: datetime | None
    missing_since: datetime | None
    unknown_since: datetime | None
    unlisted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A project before a poll (detached), and its live deployments."""

    project: WatchedProject
    watched: Sequence[Watched]


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of a status that make a transition."""

    status: str
    phase: str | None
    error_code: str | None


@dataclass(slots=True)
class _Quiet:
    snapshot: Snapshot
    shown: Mapping[str, Shown]
    cadence: float
    fencing_token: int
    polls_left: int


class Snapshots:
    """Keeps projects whose last poll brought no change."""

    def __init__(self) -> None:
        self._quiet: dict[int, _Quiet] = {}

    def trusted(self, claim: Claim) -> Snapshot | None:
        """A project's snapshot; None if it may have changed or isn't kept."""
        quiet = self._quiet.get(claim.id)
        if quiet is None or quiet.fencing_token + 1 != claim.fencing_token or not quiet.polls_left:
            self.forget(claim)
            return None
        return quiet.snapshot

    def still(self, claim: Claim, statuses: Mapping[str, DedicatedEndpointStatus]) -> float | None:
        """The cadence of a kept project whose statuses haven't changed; None otherwise."""
        quiet = self._quiet.get(claim.id)
        if quiet is None or any(
            (status := statuses.get(id_)) is None
            or status.status != shown.status
            or status.phase != shown.phase
            or status.error_code != shown.error_code
            for id_, shown in quiet.shown.items()
        ):
            return None
        quiet.fencing_token = claim.fencing_token
        quiet.polls_left -= 1
        return quiet.cadence

    def remember(
        self,
        claim: Claim,
        snapshot: Snapshot,
        statuses: Mapping[str, DedicatedEndpointStatus],
        cadence: float,
    ) -> None:
        """Keep a project that was read under this claim and is unchanged."""
        shown = {one.endpoint_id: _shown(statuses[one.endpoint_id]) for one in snapshot.watched}
        self._quiet[claim.id] = _Quiet(
            snapshot, shown, cadence, claim.fencing_token, _TRUSTED_POLLS
        )

    def forget(self, claim: Claim) -> None:
        self._quiet.pop(claim.id, None)


def _shown(status: DedicatedEndpointStatus) -> Shown:
    return Shown(status.status, status.phase, status.error_code)


async def read(session: AsyncSession, project: int) -> Snapshot:
    rows = await session.execute(
        select(
            Deployment.id,
            Deployment.endpoint_id,
            Deployment.status,
            Deployment.phase,
            Deployment.error_code,
            Deployment.last_operation_at,
            Deployment.missing_since,
            Deployment.unknown_since,
            Deployment.unlisted_at,
        ).where(Deployment.watched_project_id == project, Deployment.state == DeploymentState.LIVE)
    )
    watched = [
        Watched(id_, endpoint, status, phase, code, acted, missing, unknown, unlisted)
        for id_, endpoint, status, phase, code, acted, missing, unknown, unlisted in rows
        if endpoint is not None
    ]
    return Snapshot(await session.get_one(WatchedProject, project), watched)
