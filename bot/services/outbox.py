"""Add messages to the outbox, in the transaction that decides them.

Channels are made due at the very end of the transaction. If one that posts to two threads locked
the channel before the second deployment, it would deadlock with one that holds that deployment and
waits for the channel.
"""

from datetime import timedelta

from sqlalchemy import case, event, func, insert, null, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from bot.db.base import table_of
from bot.db.claims import make_due, make_due_in, making_due
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.session import notify_on_commit
from bot.domain.delivery import Delivery, MessageKind
from bot.domain.process import correlation
from bot.messages.body import Body

_DUE_CHANNELS = "channels to make due"
_TRYING_AGAIN = "channels to try again in"


async def channel_row(
    session: AsyncSession, *, enterprise_id: str, workspace_id: str, address: str
) -> int:
    """The row of a channel or of a person ('@U…'), inserted if it is new."""
    workspace = await workspace_row(session, enterprise_id=enterprise_id, workspace_id=workspace_id)
    return await _channel(session, workspace, address)


async def workspace_row(session: AsyncSession, *, enterprise_id: str, workspace_id: str) -> int:
    """The row of a workspace, inserted if it is new."""
    return await _upsert(
        session, Workspace, {"enterprise_id": enterprise_id, "workspace_id": workspace_id}
    )


async def _channel(session: AsyncSession, workspace_row_id: int, address: str) -> int:
    # A direct-message channel is opened with its first message.
    channel_id = None if address.startswith("@") else address
    return await _upsert(
        session,
        Channel,
        {"workspace_row_id": workspace_row_id, "address": address},
        channel_id=channel_id,
    )


async def _upsert(
    session: AsyncSession,
    table: type[Workspace] | type[Channel],
    key: dict[str, object],
    **values: object,
) -> int:
    """The id of the row with a unique key; two that insert it at once get the same row."""
    columns = [getattr(table, name) == value for name, value in key.items()]
    # Locked against being forgotten as unused before what refers to it is written.
    query = select(table.id).where(*columns).with_for_update(read=True, key_share=True)
    row = await session.scalar(query)
    if row is None:
        sqlite = session.get_bind().dialect.name == "sqlite"
        upsert = sqlite_insert if sqlite else postgresql_insert
        await session.execute(upsert(table).values(**key, **values).on_conflict_do_nothing())
        row = await session.scalar(query)
    if row is None:
        raise LookupError(f"{table.__tablename__} has no row for its own key")
    return row


async def send_root(
    session: AsyncSession, *, channel_row_id: int, deployment_id: int, body: Body
) -> None:
    """Add the status message of a deployment."""
    await session.execute(
        _INSERT,
        {
            "channel_row_id": channel_row_id,
            "deployment_id": deployment_id,
            "sequence": 0,
            "kind": MessageKind.ROOT,
            "body": body.model_dump(),
        },
    )
    # A request from the channel: what stopped delivery there may be fixed, so try it now.
    session.info.setdefault(_TRYING_AGAIN, set()).add(channel_row_id)
    _make_due_on_commit(session, channel_row_id)


async def redraw_root(
    session: AsyncSession, *, channel_row_id: int, deployment_id: int, body: Body
) -> None:
    """Update the status message; several changes before the next edit become one."""
    await session.execute(
        update(Message)
        .where(Message.deployment_id == deployment_id, Message.kind == MessageKind.ROOT)
        .values(_redrawn(body))
        .execution_options(synchronize_session=False)
    )
    _make_due_on_commit(session, channel_row_id)


async def reply(
    session: AsyncSession,
    *,
    channel_row_id: int,
    deployment_id: int,
    body: Body,
    broadcast: bool = False,
    kind: MessageKind = MessageKind.REPLY,
) -> None:
    """Add a reply after all others of the thread; `broadcast` shows it in the channel too."""
    await _lock(session, deployment_id)
    highest = await session.scalar(
        select(func.max(Message.sequence)).where(Message.deployment_id == deployment_id)
    )
    session.add(
        Message(
            channel_row_id=channel_row_id,
            deployment_id=deployment_id,
            sequence=(highest or 0) + 1,
            kind=kind,
            body=body.model_dump(),
            broadcast=broadcast,
        )
    )
    _make_due_on_commit(session, channel_row_id)


async def rewrite_cycle(
    session: AsyncSession,
    *,
    channel_row_id: int,
    deployment_id: int,
    body: Body,
    broadcast: bool = False,
) -> None:
    """Update the reply about sleeping and waking if it is the last one, otherwise add it."""
    await _lock(session, deployment_id)
    last = await session.scalar(
        select(Message)
        .where(Message.deployment_id == deployment_id)
        .order_by(Message.sequence.desc())
        .limit(1)
    )
    if last is None or last.kind != MessageKind.CYCLE or last.delivery == Delivery.DROPPED:
        await reply(
            session,
            channel_row_id=channel_row_id,
            deployment_id=deployment_id,
            body=body,
            broadcast=broadcast,
            kind=MessageKind.CYCLE,
        )
        return
    await session.execute(
        update(Message)
        .where(Message.id == last.id)
        .values(_redrawn(body))
        .execution_options(synchronize_session=False)
    )
    _make_due_on_commit(session, channel_row_id)


async def send_direct(
    session: AsyncSession,
    workspace_row_id: int,
    person: str,
    body: Body,
    *,
    kind: MessageKind = MessageKind.DIRECT,
    later: timedelta | None = None,
) -> Message:
    """Add a direct message; `later` is how long it waits in the outbox first."""
    channel = await _channel(session, workspace_row_id, f"@{person}")
    due = None if later is None else after(later)
    message = Message(channel_row_id=channel, kind=kind, body=body.model_dump(), due_at=due)
    session.add(message)
    await session.flush()
    _make_due_on_commit(session, channel, later)
    return message


async def send_notice(session: AsyncSession, channel_row_id: int, body: Body) -> None:
    """Add a message to a channel, outside of threads."""
    session.add(
        Message(channel_row_id=channel_row_id, kind=MessageKind.NOTICE, body=body.model_dump())
    )
    await session.flush()
    _make_due_on_commit(session, channel_row_id)


async def remove_notice_buttons(session: AsyncSession, channel_row_id: int) -> None:
    """Take the buttons from a channel's notices: what they offer was done."""
    notices = await session.scalars(
        select(Message).where(
            Message.channel_row_id == channel_row_id,
            Message.kind == MessageKind.NOTICE,
            Message.delivery != Delivery.DROPPED,
        )
    )
    for notice in notices.all():
        shown = Body.model_validate(notice.body)
        kept = [block for block in shown.blocks if block["type"] != "actions"]
        if kept != shown.blocks:
            await session.execute(
                update(Message)
                .where(Message.id == notice.id)
                .values(_redrawn(Body(text=shown.text, blocks=kept)))
                .execution_options(synchronize_session=False)
            )
            _make_due_on_commit(session, channel_row_id)


def _redrawn(body: Body) -> dict[str, object]:
    # Even if Slack refused the blocks of the last body.
    return {
        "body": body.model_dump(),
        "version": Message.version + 1,
        "text_only": False,
        "reference": correlation.reference() or Message.reference,
    }


async def _lock(session: AsyncSession, deployment_id: int) -> None:
    """Lock the thread, so that sequence numbers are unique and without gaps."""
    await session.execute(
        select(Deployment.id).where(Deployment.id == deployment_id).with_for_update(key_share=True)
    )


def _make_due_on_commit(
    session: AsyncSession, channel_row_id: int, later: timedelta | None = None
) -> None:
    """Make a channel due as the transaction commits: now, or after a delay."""
    due: dict[int, timedelta | None] | None = session.info.get(_DUE_CHANNELS)
    if due is None:
        due = session.info[_DUE_CHANNELS] = {}

        def make_all_due(_committing: Session) -> None:
            await_only(_make_all_due(session))

        event.listen(session.sync_session, "before_commit", make_all_due, once=True)
    if later is None or channel_row_id not in due:
        due[channel_row_id] = later


async def _make_all_due(session: AsyncSession) -> None:
    await session.flush()
    trying_again = session.info.pop(_TRYING_AGAIN, ())
    for row, later in sorted(session.info.pop(_DUE_CHANNELS).items()):
        if later is not None:
            await make_due_in(session, Channel, row, later)
        elif row in trying_again:
            notify_on_commit(session, Channel)
            await session.execute(_TRY_AGAIN, {"row": row})
        else:
            await make_due(session, Channel, row)


# Building a statement costs as much as running it, and the ORM as much again.
_INSERT = insert(table_of(Message))
_CHANNEL = table_of(Channel).c
_TRY_AGAIN = making_due(Channel).values(
    post_after=case((_CHANNEL.stopped_reason.is_not(None), null()), else_=_CHANNEL.post_after)
)
