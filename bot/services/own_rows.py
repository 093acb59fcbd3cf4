"""What our rows know of the endpoints of a target's project."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from bot.db.deployment_tables import Deployment, Target, WatchedProject
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.deployment_state import UNIDENTIFIED, DeploymentState
from bot.domain.listed_endpoint import StoredEndpoint
from bot.domain.schemas import DedicatedEndpointStatus
from bot.services.credentials import NoKeyError
from bot.services.lookup import in_channel, in_workspace

# Ids in a query; SQLite takes some thousands of parameters.
_IDS_AT_ONCE = 500


async def project_of(database: Database, place: ChannelRef, target: str) -> WatchedProject:
    """The project of a channel's target; raises `NoKeyError` if there is none."""
    async with database.read() as session:
        project = await session.scalar(
            select(WatchedProject)
            .join(Target, Target.watched_project_id == WatchedProject.id)
            .where(
                *in_channel(Target, place),
                Target.name == target,
            )
        )
    if project is None:
        raise NoKeyError
    return project


async def ours_among(
    database: Database, place: ChannelRef, api_base: str, endpoint_ids: Sequence[str]
) -> dict[str, StoredEndpoint]:
    """Those requested in this workspace; ids of people mean nothing in another one."""
    found = {}
    async with database.read() as session:
        for some in _batches(endpoint_ids):
            rows = await session.scalars(
                select(Deployment).where(
                    Deployment.api_base == api_base,
                    Deployment.endpoint_id.in_(some),
                    *in_workspace(Deployment, place),
                )
            )
            for row in rows:
                found[str(row.endpoint_id)] = StoredEndpoint(
                    public_id=row.public_id,
                    name=row.name,
                    model=row.request.get("model"),
                    is_imported=row.spec is not None,
                    requester_id=row.requester_id,
                    channel_id=row.channel_id,
                    is_here=row.channel_id == place.channel_id,
                    thread_ts=row.thread_ts,
                    requested_at=row.requested_at,
                )
    return found


async def unsettled_in(
    database: Database, place: ChannelRef, project: WatchedProject
) -> dict[str, str]:
    """Names of deployments whose endpoint isn't known yet, and their requesters."""
    async with database.read() as session:
        rows = await session.execute(
            select(Deployment.name, Deployment.requester_id).where(
                Deployment.watched_project_id == project.id,
                Deployment.state.in_(UNIDENTIFIED),
                *in_workspace(Deployment, place),
            )
        )
        return {row.name: row.requester_id for row in rows}


async def remembered_in(
    database: Database, place: ChannelRef, project: WatchedProject
) -> dict[str, DedicatedEndpointStatus]:
    """The watched endpoints, with their last recorded statuses."""
    async with database.read() as session:
        rows = await session.scalars(
            select(Deployment).where(
                Deployment.watched_project_id == project.id,
                Deployment.state == DeploymentState.LIVE,
                Deployment.status.is_not(None),
                Deployment.endpoint_id.is_not(None),
                *in_workspace(Deployment, place),
            )
        )
        return {
            str(row.endpoint_id): DedicatedEndpointStatus(
                status=str(row.status),
                phase=row.phase,
                error_code=row.error_code,
                created_at=row.requested_at,
            )
            for row in rows
        }


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]
