"""Direct messages instead of posts to a channel or a person that Slack doesn't deliver to."""

from collections.abc import Sequence

import structlog
from sqlalchemy import exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Message
from bot.domain.delivery import UNDELIVERED, Delivery, MessageKind
from bot.domain.deployment_state import MAY_BE_BILLED, UNSENT, DeploymentState
from bot.domain.statuses import ENDED
from bot.messages import undeliverable
from bot.messages.body import Body
from bot.services import outbox

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def refuse_unannounced(session: AsyncSession, channel: Channel, error: str) -> None:
    """Refuse the deployments whose root was never posted, and notify their requesters.

    Without a thread, nobody would learn what was created.
    """
    unannounced = await session.scalars(
        select(Deployment)
        .where(
            Deployment.channel_row_id == channel.id,
            Deployment.state.in_(UNSENT),
            Deployment.thread_ts.is_(None),
        )
        .order_by(Deployment.id)
        .with_for_update(key_share=True)
    )
    for deployment in unannounced.all():
        await session.execute(
            update(Deployment)
            .where(Deployment.id == deployment.id)
            .values(
                state=DeploymentState.REFUSED,
                due_at=None,
                # Invalidates the claim of a worker that handles it now.
                fencing_token=Deployment.fencing_token + 1,
                claimed=False,
                due_again=False,
            )
            .execution_options(synchronize_session=False)
        )
        await session.execute(
            update(Message)
            .where(Message.deployment_id == deployment.id, Message.delivery.in_(UNDELIVERED))
            .values(delivery=Delivery.DROPPED)
            .execution_options(synchronize_session=False)
        )
        body = undeliverable.nothing_made(deployment.name, deployment.channel_id, error)
        await outbox.send_direct(session, channel.workspace_row_id, deployment.requester_id, body)


async def notify_requesters(session: AsyncSession, channel: Channel, error: str) -> None:
    """Send each person with billable endpoints in the channel one message that lists them."""
    watched = (
        await session.scalars(
            select(Deployment)
            .where(Deployment.channel_row_id == channel.id, Deployment.state.in_(MAY_BE_BILLED))
            .order_by(Deployment.id)
        )
    ).all()
    for person in sorted({deployment.requester_id for deployment in watched}):
        theirs = [deployment for deployment in watched if deployment.requester_id == person]
        body = undeliverable.still_watched(
            [(one.name, one.price_per_hour) for one in theirs if one.status not in ENDED],
            [(one.name, one.status) for one in theirs if one.status in ENDED],
            watched[0].channel_id,
            error,
        )
        await outbox.send_direct(session, channel.workspace_row_id, person, body)
    await _notify_proposers(session, channel, error)


async def _notify_proposers(session: AsyncSession, channel: Channel, error: str) -> None:
    """Notify those who wait for an approval, or whose rejection wasn't posted."""
    unread = exists().where(
        Message.deployment_id == Deployment.id,
        Message.kind == MessageKind.REPLY,
        Message.delivery.in_(UNDELIVERED),
    )
    rows = await session.scalars(
        select(Deployment)
        .where(
            Deployment.channel_row_id == channel.id,
            or_(
                Deployment.state == DeploymentState.PROPOSED,
                (Deployment.state == DeploymentState.REJECTED) & unread,
            ),
        )
        .order_by(Deployment.id)
    )
    for deployment in rows.all():
        is_waiting = deployment.state is DeploymentState.PROPOSED
        write = undeliverable.waits if is_waiting else undeliverable.nothing_made
        body = write(deployment.name, deployment.channel_id, error)
        await outbox.send_direct(session, channel.workspace_row_id, deployment.requester_id, body)


async def forward_to_admin(
    session: AsyncSession, channel: Channel, message: Message, admins: Sequence[str]
) -> None:
    """Send an undeliverable direct message to the first admin, or to the one after the last try."""
    person = channel.address.removeprefix("@")
    body = Body.model_validate(message.body)
    if message.kind == MessageKind.DIRECT:
        remaining = [admin for admin in admins if admin != person]
        body = undeliverable.for_admin(body, person)
    else:
        remaining = list(admins[admins.index(person) + 1 :]) if person in admins else []
    if not remaining:
        log.error("no recipient reachable", row=message.id)
        return
    await outbox.send_direct(
        session,
        channel.workspace_row_id,
        remaining[0],
        body,
        kind=MessageKind.DIRECT_TO_ADMIN,
    )
