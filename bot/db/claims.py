"""Claim rows that are due, and put them back: the one way to do background work.

A row carries `due_at` and `fence`. Claiming moves `due_at` a lease ahead and raises the fence;
whoever finishes must still hold that fence. A worker that died leaves rows that come due again
when its lease ends; one that stalled and wakes writes nothing. PostgreSQL lets any number of
replicas claim side by side (SKIP LOCKED); SQLite runs the same statements one after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import BigInteger, bindparam, func, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import Moment, after, milliseconds, now
from bot.db.models import Channel, Deployment, WatchedProject

Claimable = type[Channel] | type[Deployment] | type[WatchedProject]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a row until the lease ends or someone else claims it."""

    id: int
    fence: int


async def claim(
    session: AsyncSession, table: Claimable, *, lease: timedelta, limit: int
) -> list[Claim]:
    """Take up to `limit` rows that are due, the longest due first.

    Args:
        session: In a writing transaction of its own: the claim counts once it is committed.
        table: A model with the columns of `Due`.
        lease: How long the rows are ours; every request made under the claim must end sooner.
        limit: The most rows to take.
    """
    due = (
        select(table.id)
        .where(table.due_at <= now())
        .order_by(table.due_at)
        .limit(limit)
        # Only PostgreSQL knows it; SQLite's single writer needs none.
        .with_for_update(skip_locked=True)
        .cte("due")
        # As a plain subquery, a nested-loop plan may run it again per row and pass the limit.
        .prefix_with("MATERIALIZED")
    )
    rows = await session.execute(
        update(table)
        .where(table.id.in_(select(due.c.id)))
        .values(due_at=after(lease), fence=table.fence + 1)
        .returning(table.id, table.fence)
        .execution_options(synchronize_session=False)
    )
    return [Claim(id_, fence) for id_, fence in rows.tuples()]


async def finish(session: AsyncSession, table: Claimable, held: Claim, **values: object) -> bool:
    """Write values, `due_at` among them, to a claimed row; do nothing if the fence is stale.

    Returns:
        Whether the claim still held. If it didn't, the caller must write nothing else either.
    """
    result = await session.execute(
        update(table)
        .where(table.id == held.id, table.fence == held.fence)
        .values(values)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


async def finish_many(
    session: AsyncSession, table: Claimable, held: Sequence[tuple[Claim, timedelta]]
) -> None:
    """Put back many claimed rows, each with its own delay, in the caller's one transaction.

    A row whose fence is stale is left alone.
    """
    if not held:
        return
    await (await session.connection()).execute(
        update(table)
        .where(table.id == bindparam("row"), table.fence == bindparam("held"))
        .values(due_at=type_coerce(milliseconds() + bindparam("wait", type_=BigInteger), Moment())),
        [
            {"row": claim.id, "held": claim.fence, "wait": round(wait.total_seconds() * 1000)}
            for claim, wait in held
        ],
    )


async def seconds_until_due(session: AsyncSession, table: Claimable) -> float | None:
    """Tell how long until the next row is due; None if no row ever is."""
    next_due, present = (await session.execute(select(func.min(table.due_at), now()))).one()
    return None if next_due is None else max(0.0, (next_due - present).total_seconds())
