"""Claim rows that are due, and release them: the one way to do background work.

A row carries `due_at` and a fencing token. Claiming moves `due_at` a lease ahead and raises the
token; a later write must still hold that token. A dead worker's rows come due again when its
lease ends; a worker that stalled writes nothing. PostgreSQL lets any number of replicas claim side
by side (SKIP LOCKED); SQLite runs the same statements one after another.

`make_due` makes a row due now. A claimed row comes due again as soon as it is released, so that
what arrived meanwhile is neither lost nor worked on twice at once. Making a row due raises its
token: a worker that claims a row under the token after its own last one knows that nobody else has
claimed it and nothing has changed it meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Update,
    bindparam,
    case,
    false,
    func,
    null,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

from bot.db.base import table_of
from bot.db.clock import Moment, after, after_parameter, now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.inference_tables import PromptRequest, SmokeTest
from bot.db.message_tables import Channel
from bot.db.operation_tables import Schedule
from bot.db.session import notify_on_commit

ClaimableTable = (
    type[Channel]
    | type[Deployment]
    | type[PromptRequest]
    | type[Schedule]
    | type[SmokeTest]
    | type[WatchedProject]
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a row until the lease ends or someone else claims it.

    Attributes:
        id: The row.
        fencing_token: What it was raised to.
        at: When, by the database's clock.
    """

    id: int
    fencing_token: int
    at: datetime = field(compare=False)


def claim_due(
    connection: Connection, table: ClaimableTable, *, lease: timedelta, limit: int
) -> list[Claim]:
    """Take up to `limit` rows that are due, the longest due first.

    Args:
        connection: In a writing transaction of its own: the claim counts once it is committed.
        table: A model with the columns of `Claimable`.
        lease: How long the rows are ours; every request made under the claim must end sooner.
        limit: The most rows to take.
    """
    rows = connection.execute(_claiming(table), {"most": limit, "lease": lease})
    return [Claim(id_, fencing_token, at) for id_, fencing_token, at in rows]


# Building a statement costs as much as running it, and these run all the time.
@cache
def _claiming(table: ClaimableTable) -> ReturningUpdate[int, int, datetime]:
    due = (
        select(table.id)
        .where(table.due_at <= now())
        .order_by(table.due_at)
        .limit(bindparam("most", type_=Integer))
        # Only PostgreSQL knows it; SQLite's single writer needs none.
        .with_for_update(skip_locked=True)
        .cte("due")
        # As a plain subquery, a nested-loop plan may run it again per row and pass the limit.
        .prefix_with("MATERIALIZED")
    )
    return (
        update(table)
        .where(table.id.in_(select(due.c.id)))
        .values(
            due_at=after_parameter("lease"),
            # More if its last holder died before it could pass on that the row was woken.
            fencing_token=table.fencing_token + case((table.due_again, 2), else_=1),
            claimed=true(),
            due_again=false(),
        )
        .returning(table.id, table.fencing_token, now())
    )


async def renew(
    session: AsyncSession,
    table: ClaimableTable,
    claim: Claim,
    *,
    lease: timedelta,
    **values: object,
) -> bool:
    """Write values to a claimed row and renew its lease; do nothing if the fencing token is stale.

    Returns:
        Whether the claim still held. If it didn't, the caller must write nothing else either.
    """
    return await _write(session, table, claim, {"due_at": after(lease), **values})


async def release(
    session: AsyncSession,
    table: ClaimableTable,
    claim: Claim,
    *,
    due: timedelta | None,
    **values: object,
) -> bool:
    """Write values to a claimed row and put it back; do nothing if the fencing token is stale.

    Args:
        session: In a writing transaction.
        table: The claimed row's model.
        claim: The claim.
        due: When it is due again; None if it isn't until something wakes it.
        values: Columns to write.

    Returns:
        Whether the claim still held. If it didn't, the caller must write nothing else either.
    """
    return await _write(session, table, claim, {**_put_back(table, _at(due)), **values})


def release_many(
    connection: Connection, table: ClaimableTable, claims: Sequence[tuple[Claim, timedelta]]
) -> None:
    """Put back many claimed rows, each with its own delay, in the caller's one transaction.

    A row whose fencing token is stale is left alone.
    """
    if not claims:
        return
    connection.execute(
        _putting_back(table),
        [
            {"row": claim.id, "held_fence": claim.fencing_token, "wait": delay}
            # In one order, so that two who put back rows never wait for each other.
            for claim, delay in sorted(claims, key=lambda one: one[0].id)
        ],
    )


@cache
def _putting_back(table: ClaimableTable) -> Update:
    return (
        update(table)
        .where(table.id == bindparam("row"), table.fencing_token == bindparam("held_fence"))
        .values(_put_back(table, after_parameter("wait")))
    )


def seconds_until_due(connection: Connection, table: ClaimableTable) -> float | None:
    """Tell how long until the next row is due; None if no row ever is."""
    return seconds_left(connection.execute(next_due(table)).one())


@cache
def next_due(table: ClaimableTable) -> Select[datetime | None, datetime]:
    """When the next row is due, and the present."""
    return select(func.min(table.due_at), now())


def seconds_left(found: Row[datetime | None, datetime]) -> float | None:
    """How long until the next row is due, as `next_due` found it; None if no row ever is."""
    due, present = found
    return None if due is None else max(0.0, (due - present).total_seconds())


async def make_due(session: AsyncSession, table: ClaimableTable, row: int) -> None:
    """Make a row due now, or, if it is claimed, as soon as it is released.

    Workers of this process look for it once the transaction is committed.
    """
    notify_on_commit(session, table)
    await session.execute(making_due(table), {"row": row})


@cache
def making_due(table: ClaimableTable) -> Update:
    """The statement of `make_due`, with the parameter `row`; it may be given more values."""
    rows = table_of(table)
    column = rows.c
    return (
        update(rows)
        .where(column.id == bindparam("row"))
        .values(
            due_at=case((column.claimed, column.due_at), else_=now()),
            due_again=column.claimed,
            # Its holder needs the fencing token; it is raised once that one finishes.
            fencing_token=case(
                (column.claimed, column.fencing_token), else_=column.fencing_token + 1
            ),
        )
    )


async def make_due_in(
    session: AsyncSession, table: ClaimableTable, row: int, delay: timedelta
) -> None:
    """Make a row due after a delay, unless it is due sooner; if claimed, as it is released."""
    at = after(delay)
    later = or_(table.due_at.is_(None), table.due_at > at)
    await session.execute(
        update(table)
        .where(table.id == row)
        .values(
            due_at=case((~table.claimed & later, at), else_=table.due_at), due_again=table.claimed
        )
        .execution_options(synchronize_session=False)
    )


async def _write(
    session: AsyncSession, table: ClaimableTable, claim: Claim, values: dict[str, object]
) -> bool:
    result = await session.execute(
        update(table)
        .where(table.id == claim.id, table.fencing_token == claim.fencing_token)
        .values(values)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


def _put_back(
    table: ClaimableTable, due_at: ColumnElement[datetime] | ColumnElement[datetime | None]
) -> dict[str, object]:
    return {
        "due_at": case((table.due_again, now()), else_=due_at),
        "fencing_token": case(
            (table.due_again, table.fencing_token + 1), else_=table.fencing_token
        ),
        "claimed": false(),
        "due_again": false(),
    }


def _at(due: timedelta | None) -> ColumnElement[datetime] | ColumnElement[datetime | None]:
    return type_coerce(null(), Moment()) if due is None else after(due)
