"""Reads which message of a channel is sent next: posts in order within each thread, then edits."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.claims import Claim
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import IS_OPEN, Channel, Message, Workspace
from bot.domain.delivery import UNDELIVERED, Delivery, MessageKind

_IN_THREAD = (MessageKind.REPLY, MessageKind.CYCLE)
_DIRECT = (MessageKind.DIRECT, MessageKind.DIRECT_TO_ADMIN)


@dataclass(frozen=True, slots=True)
class OutboxJob:
    """A message to post, edit or search for, with detached rows.

    Attributes:
        public_id: The deployment's; '' for a direct message.
        thread_ts: None for a root or a direct message.
    """

    claim: Claim
    channel: Channel
    workspace: Workspace
    message: Message
    public_id: str
    thread_ts: str | None

    @property
    def is_edit(self) -> bool:
        return self.message.delivery == Delivery.SENT

    @property
    def is_direct(self) -> bool:
        return self.message.kind in _DIRECT

    @property
    def opens_thread(self) -> bool:
        return self.message.kind == MessageKind.ROOT and self.message.deployment_id is not None

    @property
    def sequence(self) -> int:
        """Identifies it in message metadata, with `public_id`."""
        return self.message.sequence if self.message.sequence is not None else self.message.id


@dataclass(frozen=True, slots=True)
class _Open:
    """A message that isn't in Slack, or is outdated there."""

    id: int
    deployment_id: int | None
    kind: MessageKind
    delivery: Delivery
    due_at: datetime | None
    public_id: str | None
    thread_ts: str | None


async def next_message(
    session: AsyncSession, claim: Claim, *, edit_interval: float
) -> OutboxJob | timedelta | None:
    """Find the next message of a claimed channel.

    Args:
        edit_interval: Seconds between two edits in the workspace.

    Returns:
        The message that may be sent now; if all must wait, how long; None if there are none.
    """
    channel, workspace, present = (
        await session.execute(
            select(Channel, Workspace, now())
            .join(Workspace, Workspace.id == Channel.workspace_row_id)
            .where(Channel.id == claim.id)
        )
    ).one()
    rows = await _open_messages(session, channel)
    # A thread with an unknown outcome keeps its root: an edit could find that it has to move.
    in_doubt = {row.deployment_id for row in rows if row.delivery == Delivery.SENDING}
    posts = [row for row in rows if row.delivery in UNDELIVERED]
    edits = [
        row for row in rows if row.delivery not in UNDELIVERED and row.deployment_id not in in_doubt
    ]
    post_after = _latest(channel.post_after, workspace.post_after)
    edit_after = workspace.edit_after
    if edits and edit_after is not None and edit_after > present:
        edit_after += await _edit_delay(session, channel, edit_interval)
    # A stopped channel gets nothing for a while, neither edits nor searches.
    stopped_until = channel.post_after if channel.stopped_reason is not None else None
    waits = []
    for row in [*posts, *edits]:
        if row.delivery == Delivery.PENDING:
            due = _latest(row.due_at, post_after)
        elif row.delivery == Delivery.SENDING:
            due = _latest(row.due_at, stopped_until)
        else:
            due = _latest(row.due_at, stopped_until, edit_after)
        if due is None or due <= present:
            message = await session.get_one(Message, row.id)
            thread_ts = row.thread_ts if row.kind in _IN_THREAD else None
            return OutboxJob(claim, channel, workspace, message, row.public_id or "", thread_ts)
        waits.append(due - present)
    return min(waits, default=None)


async def _open_messages(session: AsyncSession, channel: Channel) -> list[_Open]:
    """The first unsent message of each thread, and every sent one with an outdated body."""
    heads = (
        select(func.min(Message.id))
        .where(Message.channel_row_id == channel.id, IS_OPEN, Message.delivery.in_(UNDELIVERED))
        # Messages outside of threads have no order.
        .group_by(func.coalesce(Message.deployment_id, -Message.id))
    )
    rows = await session.execute(
        select(
            Message.id,
            Message.deployment_id,
            Message.kind,
            Message.delivery,
            Message.due_at,
            Deployment.public_id,
            Deployment.thread_ts,
        )
        .outerjoin(Deployment, Deployment.id == Message.deployment_id)
        .where(
            Message.channel_row_id == channel.id,
            IS_OPEN,
            or_(Message.id.in_(heads), _is_outdated()),
        )
        .order_by(Message.id)
    )
    return [_Open(*row) for row in rows]


async def _edit_delay(session: AsyncSession, channel: Channel, edit_interval: float) -> timedelta:
    """Spreads the workspace's channels over the next edits: on average two try for each."""
    others = await session.scalar(
        select(func.count(Channel.id.distinct()))
        .select_from(Message)
        .join(Channel, Channel.id == Message.channel_row_id)
        .where(
            Channel.workspace_row_id == channel.workspace_row_id,
            Channel.id != channel.id,
            Channel.stopped_reason.is_(None),
            IS_OPEN,
            _is_outdated(),
        )
    )
    latest = (others or 0) * edit_interval / 2
    return timedelta(seconds=random.uniform(0.0, latest))  # noqa: S311 - not a secret


def _is_outdated() -> ColumnElement[bool]:
    return (Message.delivery == Delivery.SENT) & (Message.version > Message.sent_version)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
