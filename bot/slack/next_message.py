"""What the sender reads from the outbox and writes back: which message is next, and its state.

The row of a message decides what counts. It leaves "pending" and "sending" once, by whoever
settles it first: a sender that stalled past its claim, woke and posted learns so, and takes its
copy back if another one stands in Slack already.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import IS_OPEN, Channel, Message, Workspace
from bot.domain.delivery import Delivery, MessageKind

_UNSENT = (Delivery.PENDING, Delivery.SENDING)


@dataclass(frozen=True, slots=True)
class OutboxJob:
    """A message to post or to edit.

    Attributes:
        message: The outbox row as it was read, detached.
        public_id: Names its deployment in message metadata; '' for a direct message.
        thread_ts: Of the thread it belongs to; None for a root or a direct message.
        is_edit: It is posted already, with an older body.
    """

    message: Message
    public_id: str
    thread_ts: str | None
    is_edit: bool

    @property
    def sequence(self) -> int:
        """Its place in the thread, or what else tells it from others in message metadata."""
        return self.message.sequence if self.message.sequence is not None else self.message.id


@dataclass(frozen=True, slots=True)
class NextMessage:
    """What there is to do in a channel.

    Attributes:
        job: The next message that may be sent now; None if all must wait, or there are none.
        wait: How long until one may be sent; None if there are none.
    """

    job: OutboxJob | None
    wait: timedelta | None


@dataclass(frozen=True, slots=True)
class _Open:
    """A message that isn't in Slack as it should be."""

    id: int
    deployment_id: int | None
    kind: MessageKind
    delivery: Delivery
    due_at: datetime | None
    public_id: str | None
    thread_ts: str | None


async def next_message_of(
    session: AsyncSession, channel: Channel, workspace: Workspace, *, edit_interval: float
) -> NextMessage:
    """Find the next message of a channel: posts in order within each thread, then edits.

    Args:
        session: Only read from.
        channel: Whose messages.
        workspace: The channel's.
        edit_interval: Seconds between two edits in the whole workspace.
    """
    present: datetime = (await session.execute(select(now()))).scalar_one()
    rows = await _open_messages(session, channel)
    in_doubt = {row.deployment_id for row in rows if row.delivery == Delivery.SENDING}
    edit_after = workspace.edit_after
    if edit_after is not None and edit_after > present:
        edit_after += await _turn(session, channel, edit_interval)
    # A channel that took nothing any more is left alone for a while, in every way.
    pause = channel.post_after if channel.stopped_reason is not None else None
    posts: list[tuple[datetime | None, _Open]] = []
    edits: list[tuple[datetime | None, _Open]] = []
    for row in rows:
        if row.delivery == Delivery.PENDING:
            gates = (row.due_at, channel.post_after, workspace.post_after)
            posts.append((_latest(*gates), row))
        elif row.delivery == Delivery.SENDING:
            posts.append((_latest(row.due_at, pause), row))
        elif row.deployment_id not in in_doubt:
            # A thread in doubt keeps its root: an edit may find out that it has to move.
            edits.append((_latest(row.due_at, edit_after, pause), row))
    waits: list[timedelta] = []
    for due, row in [*posts, *edits]:
        if due is None or due <= present:
            return NextMessage(await _job(session, row), timedelta())
        waits.append(due - present)
    return NextMessage(None, min(waits, default=None))


async def _open_messages(session: AsyncSession, channel: Channel) -> list[_Open]:
    """The first unsent message of each thread, and every sent one with an older body."""
    heads = (
        select(func.min(Message.id))
        .where(Message.channel_row_id == channel.id, IS_OPEN, Message.delivery.in_(_UNSENT))
        # Messages outside of threads wait for no other.
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
            or_(Message.id.in_(heads), _outdated()),
        )
        .order_by(Message.id)
    )
    return [_Open(*row) for row in rows]


async def _turn(session: AsyncSession, channel: Channel, edit_interval: float) -> timedelta:
    """Spread the channels of a busy workspace over the time until each can have had its turn.

    Two of them come to each turn on average, so that few turns are missed and few come in vain.
    """
    others = await session.scalar(
        select(func.count(Channel.id.distinct()))
        .select_from(Message)
        .join(Channel, Channel.id == Message.channel_row_id)
        .where(
            Channel.workspace_row_id == channel.workspace_row_id,
            Channel.id != channel.id,
            Channel.stopped_reason.is_(None),
            IS_OPEN,
            _outdated(),
        )
    )
    latest = (others or 0) * edit_interval / 2
    return timedelta(seconds=random.uniform(0.0, latest))  # noqa: S311 - not a secret


def _outdated() -> ColumnElement[bool]:
    return (Message.delivery == Delivery.SENT) & (Message.version > Message.sent_version)


async def _job(session: AsyncSession, row: _Open) -> OutboxJob:
    message = await session.get_one(Message, row.id)
    in_thread = row.kind in {MessageKind.REPLY, MessageKind.CYCLE}
    return OutboxJob(
        message,
        row.public_id or "",
        row.thread_ts if in_thread else None,
        is_edit=row.delivery == Delivery.SENT,
    )


async def reserve_edit(session: AsyncSession, workspace_row_id: int, interval: float) -> bool:
    """Take the workspace's next edit, which no other replica can take then.

    Returns:
        Whether it may be made now.
    """
    free = or_(Workspace.edit_after.is_(None), Workspace.edit_after <= now())
    taken = await session.execute(
        update(Workspace)
        .where(Workspace.id == workspace_row_id, free)
        .values(edit_after=after(interval))
        .returning(Workspace.id)
        .execution_options(synchronize_session=False)
    )
    return taken.first() is not None


async def mark_sending(session: AsyncSession, job: OutboxJob) -> bool:
    """Write down that a post may leave from now on, and which body it carries.

    Returns:
        Whether it was still to be posted.
    """
    return await _write(
        session,
        job.message.id,
        (Delivery.PENDING,),
        delivery=Delivery.SENDING,
        sending_since=now(),
        sent_version=job.message.version,
        reads=0,
    )


async def settle(session: AsyncSession, job: OutboxJob, ts: str) -> bool:
    """Write down that a message stands in Slack.

    Returns:
        Whether this is the copy that counts; False if another does, or none is wanted any more.
    """
    message = job.message
    is_root = message.kind == MessageKind.ROOT and message.deployment_id is not None
    if is_root:
        await lock(session, message.deployment_id)
    counts = await _write(
        session,
        message.id,
        _UNSENT,
        delivery=Delivery.SENT,
        ts=ts,
        due_at=None,
        failures=0,
    )
    if counts and is_root:
        await session.execute(
            update(Deployment)
            .where(Deployment.id == message.deployment_id)
            .values(thread_ts=ts)
            .execution_options(synchronize_session=False)
        )
    if counts:
        return True
    stands = await session.scalar(
        select(Message.ts).where(Message.id == message.id, Message.delivery == Delivery.SENT)
    )
    return stands == ts


async def write_unsent(session: AsyncSession, message_id: int, **values: object) -> bool:
    """Write columns of a message, unless its fate is settled meanwhile.

    Returns:
        Whether it was unsettled still.
    """
    return await _write(session, message_id, _UNSENT, **values)


async def write_sent(session: AsyncSession, message_id: int, **values: object) -> bool:
    """Write columns of a message that stands in Slack. Returns whether it still does."""
    return await _write(session, message_id, (Delivery.SENT,), **values)


async def lock(session: AsyncSession, deployment_id: int | None) -> None:
    """Take a deployment's row first: whoever tells its thread takes it before its messages."""
    await session.execute(
        select(Deployment.id).where(Deployment.id == deployment_id).with_for_update(key_share=True)
    )


async def _write(
    session: AsyncSession, message_id: int, states: tuple[Delivery, ...], **values: object
) -> bool:
    result = await session.execute(
        update(Message)
        .where(Message.id == message_id, Message.delivery.in_(states))
        .values(values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
