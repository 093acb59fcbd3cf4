"""Deletes what has been over for long, in small batches, so that the tables stay small.

Any replica does it; two at once skip each other's rows. Nothing that may still be billed is
deleted, nor a thread with unsent messages.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, false, not_, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment, Target, Transition, WatchedProject
from bot.db.inference_tables import PromptRequest, SmokeTest
from bot.db.message_tables import Channel, Message
from bot.db.operation_tables import Operation, Schedule
from bot.db.session import Database
from bot.domain.delivery import UNDELIVERED, Delivery
from bot.domain.deployment_state import OVER
from bot.domain.operations import UNFINISHED
from bot.services import fit_records, prompts, repeated_commands

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Not right after the start.
FIRST_SWEEP_AFTER = 60.0
_BATCH = 50


Table = type[Channel] | type[Deployment] | type[Message] | type[WatchedProject]


class Retention:
    """Deletes rows that have been over for `keep`."""

    def __init__(self, database: Database, *, keep: timedelta) -> None:
        self._database = database
        self._keep = keep

    async def sweep(self) -> None:
        """Delete everything that is old enough."""
        async with self._database.write() as session:
            await repeated_commands.forget(session)
            await prompts.forget(session)
            await fit_records.forget(session, older_than=self._keep)
        await self._repeat(_mark)
        await self._repeat(_unmark)
        forgotten = {
            "deployments": await self._repeat(self._deployments),
            "direct_messages": await self._repeat(self._direct_messages),
            "projects": await self._repeat(_projects),
            "channels": await self._repeat(_channels),
        }
        if any(forgotten.values()):
            log.info("forgot what was over", **forgotten)

    async def _repeat(self, step: Callable[[AsyncSession], Awaitable[int]]) -> int:
        """Run a step, each time in a transaction, until a batch isn't full."""
        total = 0
        while True:
            async with self._database.write() as session:
                count = await step(session)
            total += count
            if count < _BATCH:
                return total

    async def _deployments(self, session: AsyncSession) -> int:
        aged = Deployment.ended_at <= after(-self._keep)
        rows = await _take(session, Deployment, aged, _is_over(), not_(_has_words()))
        for table in (Transition, Message, Operation, Schedule, SmokeTest, PromptRequest):
            await _delete(session, delete_from=table, where=table.deployment_id.in_(rows))
        await _delete(session, delete_from=Deployment, where=Deployment.id.in_(rows))
        return len(rows)

    async def _direct_messages(self, session: AsyncSession) -> int:
        since = Message.sending_since
        rows = await _take(
            session,
            Message,
            Message.deployment_id.is_(None),
            Message.delivery.in_([Delivery.SENT, Delivery.DROPPED]),
            or_(since.is_(None), since <= after(-self._keep)),
        )
        await _delete(session, delete_from=Message, where=Message.id.in_(rows))
        return len(rows)


async def _mark(session: AsyncSession) -> int:
    """Record when deployments were first seen to be over."""
    rows = await _take(session, Deployment, Deployment.ended_at.is_(None), _is_over())
    await session.execute(
        update(Deployment)
        .where(Deployment.id.in_(rows))
        .values(ended_at=now())
        .execution_options(synchronize_session=False)
    )
    return len(rows)


async def _unmark(session: AsyncSession) -> int:
    """Deployments whose endpoint was found late aren't over."""
    rows = await _take(session, Deployment, Deployment.ended_at.is_not(None), not_(_is_over()))
    await session.execute(
        update(Deployment)
        .where(Deployment.id.in_(rows))
        .values(ended_at=null())
        .execution_options(synchronize_session=False)
    )
    return len(rows)


async def _projects(session: AsyncSession) -> int:
    """Projects without references; their keys were wiped before."""
    unused = and_(
        WatchedProject.key_ciphertext.is_(None),
        not_(exists().where(Target.watched_project_id == WatchedProject.id)),
        not_(exists().where(Deployment.watched_project_id == WatchedProject.id)),
    )
    rows = await _take(session, WatchedProject, WatchedProject.claimed == false(), unused)
    # Asked once more: a reference may have been written before the row was locked.
    where = and_(WatchedProject.id.in_(rows), unused)
    await _delete(session, delete_from=WatchedProject, where=where)
    return len(rows)


async def _channels(session: AsyncSession) -> int:
    """Channels and people without messages."""
    unused = and_(
        Channel.due_at.is_(None),
        not_(exists().where(Message.channel_row_id == Channel.id)),
        Channel.id.not_in(select(Deployment.channel_row_id)),
    )
    rows = await _take(session, Channel, Channel.claimed == false(), unused)
    where = and_(Channel.id.in_(rows), unused)
    await _delete(session, delete_from=Channel, where=where)
    return len(rows)


async def _take(
    session: AsyncSession, table: Table, *conditions: ColumnElement[bool]
) -> Sequence[int]:
    """Lock a batch of rows, without those that are locked."""
    rows = await session.scalars(
        select(table.id)
        .where(*conditions)
        .order_by(table.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    return rows.all()


async def _delete(
    session: AsyncSession,
    *,
    delete_from: Table
    | type[Transition]
    | type[Operation]
    | type[PromptRequest]
    | type[Schedule]
    | type[SmokeTest],
    where: ColumnElement[bool],
) -> None:
    await session.execute(
        delete(delete_from).where(where).execution_options(synchronize_session=False)
    )


def _is_over() -> ColumnElement[bool]:
    unfinished = exists().where(
        Operation.deployment_id == Deployment.id, Operation.state.in_(UNFINISHED)
    )
    return and_(
        # NOT_CREATED is final once its search has ended, which its due time shows.
        Deployment.state.in_(OVER),
        Deployment.due_at.is_(None),
        Deployment.claimed == false(),
        not_(unfinished),
    )


def _has_words() -> ColumnElement[bool]:
    """Whether the thread has unsent messages."""
    return exists().where(
        Message.deployment_id == Deployment.id,
        or_(
            Message.delivery.in_(UNDELIVERED),
            and_(Message.delivery == Delivery.SENT, Message.version > Message.sent_version),
        ),
    )
