"""Ends proposals that expired, or whose target was disconnected."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel
from bot.db.operation_tables import Operation
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import OperationState
from bot.messages import approvals as words
from bot.messages import undeliverable
from bot.services import outbox
from bot.services.lookup import in_channel
from bot.services.proposals import Proposal, end, write_audit
from bot.services.thread import post

_NOW = timedelta(0)


async def expire(session: AsyncSession, claim: Claim, settings: Settings) -> None:
    """End a claimed deployment that waits for approval, if it has expired."""
    row = await session.get_one(Deployment, claim.id, with_for_update={"key_share": True})
    present: datetime = (await session.execute(select(now()))).scalar_one()
    if row.state is not DeploymentState.PROPOSED or row.expires_at is None:
        await release(session, Deployment, claim, due=_NOW)
        return
    if present < row.expires_at:
        await release(session, Deployment, claim, due=row.expires_at - present)
        return
    if not await release(session, Deployment, claim, due=None, state=DeploymentState.REJECTED):
        return
    waited = (row.expires_at - row.requested_at).total_seconds()
    await post(session, row, settings, words.expired(waited))
    found = Proposal(row, None, present)
    write_audit(session, found, "", "expire")
    await _notify_requester(session, row)


async def expire_operations(
    session: AsyncSession, deployment: Deployment, present: datetime, settings: Settings
) -> datetime | None:
    """End operations that weren't approved in time: a periodic check of live deployments."""
    waiting = await _waiting_operations(session, deployment.id)
    left = [one.expires_at for one in waiting if one.expires_at and one.expires_at > present]
    for operation in waiting:
        if operation.expires_at is not None and operation.expires_at > present:
            continue
        found = Proposal(deployment, operation, present)
        end(found, rejected_by=None)
        waited = ((operation.expires_at or present) - operation.requested_at).total_seconds()
        await post(
            session,
            deployment,
            settings,
            words.expired(waited, found.act),
        )
        write_audit(session, found, "", "expire")
    return min(left, default=None)


async def end_proposals(
    session: AsyncSession,
    place: ChannelRef,
    target: str,
    person: Actor,
    settings: Settings,
    *,
    leads_elsewhere: bool = False,
) -> None:
    """End the proposals of a target that is disconnected, or leads to another project now."""
    present: datetime = (await session.execute(select(now()))).scalar_one()
    rows = await session.scalars(
        select(Deployment)
        .where(
            *in_channel(Deployment, place),
            Deployment.target_name == target,
            Deployment.state.in_([DeploymentState.PROPOSED, DeploymentState.LIVE]),
        )
        .order_by(Deployment.id)
        .with_for_update(key_share=True)
    )
    for deployment in rows.all():
        waiting = [
            Proposal(deployment, operation, present)
            for operation in await _waiting_operations(session, deployment.id)
        ]
        if deployment.state is DeploymentState.PROPOSED:
            waiting.append(Proposal(deployment, None, present))
        for found in waiting:
            end(found, rejected_by=person.id)
            if found.operation is None:
                deployment.state = DeploymentState.CANCELLED
            reply = partial(
                words.target_gone,
                person=person.id,
                operation=found.act,
                leads_elsewhere=leads_elsewhere,
            )
            await post(session, deployment, settings, reply)
            write_audit(session, found, person.id, "end")


async def _waiting_operations(session: AsyncSession, deployment_id: int) -> list[Operation]:
    """The operations that wait for approval, oldest first."""
    rows = await session.scalars(
        select(Operation)
        .where(Operation.deployment_id == deployment_id, Operation.state == OperationState.PROPOSED)
        .order_by(Operation.id)
    )
    return list(rows)


async def _notify_requester(session: AsyncSession, deployment: Deployment) -> None:
    """Send the requester a direct message if the channel is unreachable."""
    channel = await session.get_one(Channel, deployment.channel_row_id)
    if channel.stopped_reason is None:
        return
    message = undeliverable.nothing_made(
        deployment.name, deployment.channel_id, channel.stopped_reason
    )
    await outbox.send_direct(session, channel.workspace_row_id, deployment.requester_id, message)
