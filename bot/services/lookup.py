"""Find rows by the names and ids that people and buttons use, in their channel only."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Deployment, Target
from bot.db.operation_tables import AuditEntry, Operation
from bot.domain.actors import ChannelRef
from bot.domain.deployment_state import UNFINISHED
from bot.domain.policy import Policy
from bot.domain.process import correlation


async def find_target(session: AsyncSession, place: ChannelRef, name: str) -> Target | None:
    return await session.scalar(
        select(Target).where(*in_channel(Target, place), Target.name == name)
    )


async def target_of(session: AsyncSession, deployment: Deployment) -> Target | None:
    """A deployment's target; None once it is disconnected."""
    place = ChannelRef(deployment.enterprise_id, deployment.workspace_id, deployment.channel_id)
    return await find_target(session, place, deployment.target_name)


async def policy_of(session: AsyncSession, deployment: Deployment) -> Policy:
    """The policy of a deployment's target; the defaults once it is disconnected."""
    target = await target_of(session, deployment)
    return Policy.model_validate((target.policy if target is not None else None) or {})


async def find_deployment(
    session: AsyncSession, place: ChannelRef, public_id: str
) -> Deployment | None:
    """The deployment with a public id, if it belongs to this channel."""
    return await session.scalar(
        select(Deployment).where(*in_channel(Deployment, place), Deployment.public_id == public_id)
    )


async def bind_request(session: AsyncSession, deployment: Deployment) -> None:
    """Bind a deployment, and the newest request about it, to log lines and rows from now on."""
    newest = await session.scalar(
        select(Operation.reference)
        .where(Operation.deployment_id == deployment.id, Operation.reference.is_not(None))
        .order_by(Operation.id.desc())
        .limit(1)
    )
    correlation.bind(
        newest or deployment.reference,
        deployment=deployment.public_id,
        channel=deployment.channel_id,
    )


async def lock_deployment(
    session: AsyncSession, place: ChannelRef, public_id: str
) -> Deployment | None:
    """Find a deployment and lock it until the transaction ends.

    Otherwise its state could change between the decision and the write, the second of two clicks
    wouldn't find what the first wrote, and the status message would be rendered from stale data.
    """
    deployment = await find_deployment(session, place, public_id)
    if deployment is not None:
        await session.refresh(deployment, with_for_update={"key_share": True})
        correlation.bind(correlation.reference(), deployment=public_id)
    return deployment


_OfAChannel = type[Target] | type[Deployment] | type[AuditEntry]


def in_workspace(table: _OfAChannel, place: ChannelRef) -> tuple[ColumnElement[bool], ...]:
    return table.enterprise_id == place.enterprise_id, table.workspace_id == place.workspace_id


def in_channel(table: _OfAChannel, place: ChannelRef) -> tuple[ColumnElement[bool], ...]:
    return *in_workspace(table, place), table.channel_id == place.channel_id


async def is_name_taken(session: AsyncSession, deployment: Deployment, name: str) -> bool:
    """Whether another deployment of the project has a name, or may get it.

    Imported endpoints don't count: nobody keeps their names unique.
    """
    if deployment.spec is not None:
        return False
    other = await session.scalar(
        select(Deployment.id).where(
            Deployment.api_base == deployment.api_base,
            Deployment.friendli_project_id == deployment.friendli_project_id,
            Deployment.name == name,
            Deployment.id != deployment.id,
            Deployment.state.in_(UNFINISHED),
            Deployment.late.is_(False),
            Deployment.spec.is_(None),
        )
    )
    return other is not None
