"""What the sender reads from the outbox and writes back: which message is next, and its fate."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import now
from bot.db.models import Channel, Delivery, Deployment, Message, MessageKind, Workspace

# Of a channel with a long backlog, this many messages are looked at to find the next.
_WINDOW = 200


@dataclass(frozen=True, slots=True)
class Job:
    """A message to post or to edit.

    Attributes:
        message: The outbox row, detached.
        public_id: Names its deployment in message metadata; '' for a direct message.
        root_ts: Of the thread it belongs to; None for a root or a direct message.
        is_edit: It is posted already, with an older body.
    """

    message: Message
    public_id: str
    root_ts: str | None
    is_edit: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to do in a channel.

    Attributes:
        job: The next message that may be sent now; None if all must wait, or there are none.
        wait: How long until one may be sent; None if there are none.
    """

    job: Job | None
    wait: timedelta | None


async def outlook(session: AsyncSession, channel: Channel, workspace: Workspace) -> Outlook:
    """Find the next message of a channel: posts in order within each thread, then edits."""
    rows = await session.execute(
        select(Message, Deployment.public_id, Deployment.root_ts, now())
        .outerjoin(Deployment, Deployment.id == Message.deployment_id)
        .where(
            Message.channel_row_id == channel.id,
            (Message.delivery.in_([Delivery.PENDING, Delivery.SENDING]))
            | ((Message.delivery == Delivery.SENT) & (Message.version > Message.sent_version)),
        )
        .order_by(Message.id)
        .limit(_WINDOW)
    )
    heads: set[int] = set()
    posts: list[tuple[datetime | None, Job]] = []
    edits: list[tuple[datetime | None, Job]] = []
    present: datetime | None = None
    for message, public_id, root_ts, at in rows:
        present = at
        if message.delivery == Delivery.SENT:
            edits.append(
                (
                    _latest(message.due_at, workspace.edit_after),
                    Job(message, public_id or "", root_ts, is_edit=True),
                )
            )
            continue
        if message.deployment_id is not None:
            if message.deployment_id in heads:
                continue
            heads.add(message.deployment_id)
        thread = root_ts if message.kind in {MessageKind.REPLY, MessageKind.CYCLE} else None
        posts.append(
            (
                _latest(message.due_at, channel.post_after, workspace.post_after),
                Job(message, public_id or "", thread, is_edit=False),
            )
        )
    waits: list[timedelta] = []
    for due, job in [*posts, *edits]:
        if due is None or present is None or due <= present:
            return Outlook(job, timedelta())
        waits.append(due - present)
    return Outlook(None, min(waits, default=None))


async def write(session: AsyncSession, message_id: int, **values: object) -> None:
    """Write columns of a message."""
    await session.execute(
        update(Message)
        .where(Message.id == message_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
