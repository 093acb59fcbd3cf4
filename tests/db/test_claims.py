"""Claims, on both databases: who gets a row, for how long, and who may write it back."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.db.claims import (
    Claim,
    claim_due,
    make_due,
    make_due_in,
    release,
    release_many,
    renew,
    seconds_until_due,
)
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database

LEASE = timedelta(seconds=60)
NOW = timedelta(0)


async def _add(database: Database, count: int, *, due: float | None = -1) -> None:
    async with database.write() as session:
        workspace = Workspace(enterprise_id="", workspace_id="T1")
        session.add(workspace)
        await session.flush()
        for number in range(count):
            session.add(
                Channel(
                    workspace_row_id=workspace.id,
                    address=f"C{number}",
                    due_at=None if due is None else after(due + number * 0.001),
                )
            )


async def _claim(database: Database, limit: int = 10, lease: timedelta = LEASE) -> list[Claim]:
    async with database.write() as session:
        return await (await session.connection()).run_sync(
            claim_due, Channel, lease=lease, limit=limit
        )


async def _row(database: Database, row: int) -> Channel:
    async with database.read() as session:
        return await session.get_one(Channel, row)


async def test_a_claim_takes_no_more_rows_than_asked(database: Database) -> None:
    """However many are due, at most the limit is taken, the longest due first."""
    await _add(database, 20)
    taken = await _claim(database, limit=5)
    async with database.read() as session:
        addresses = (
            await session.scalars(
                select(Channel.address).where(Channel.id.in_([held.id for held in taken]))
            )
        ).all()
    assert sorted(addresses) == ["C0", "C1", "C2", "C3", "C4"]


async def test_a_row_that_is_claimed_is_nobody_elses(database: Database) -> None:
    """Claims that run side by side never share a row."""
    await _add(database, 30)
    batches = await asyncio.gather(*(_claim(database, limit=10) for _ in range(4)))
    taken = [held.id for batch in batches for held in batch]
    assert len(taken) == len(set(taken)) == 30


async def test_a_row_that_is_not_due_stays(database: Database) -> None:
    """Neither a row in the future nor one that waits for nothing is taken."""
    await _add(database, 2, due=60)
    assert await _claim(database) == []


async def test_a_lease_that_ends_frees_the_row_under_a_higher_fence(database: Database) -> None:
    """A worker that died loses its row to the next, whose fence is higher."""
    await _add(database, 1)
    [first] = await _claim(database, lease=timedelta(0))
    [second] = await _claim(database)
    assert (second.id, second.fencing_token) == (first.id, first.fencing_token + 1)


async def test_a_stale_fence_writes_nothing(database: Database) -> None:
    """A worker that stalled past its lease changes no column when it wakes."""
    await _add(database, 1)
    [stale] = await _claim(database, lease=timedelta(0))
    [held] = await _claim(database)
    async with database.write() as session:
        kept = await renew(session, Channel, stale, lease=LEASE, stopped_reason="stale")
        done = await release(session, Channel, stale, due=None, stopped_reason="stale")
        await (await session.connection()).run_sync(release_many, Channel, [(stale, NOW)])
    assert (kept, done) == (False, False)
    row = await _row(database, held.id)
    assert (row.stopped_reason, row.fencing_token, row.claimed) == (None, held.fencing_token, True)


async def test_a_finished_row_comes_due_when_it_was_said(database: Database) -> None:
    """Finishing puts a row back with its next due time and the columns it was given."""
    await _add(database, 1)
    [held] = await _claim(database)
    async with database.write() as session:
        assert await release(
            session, Channel, held, due=timedelta(seconds=30), stopped_reason="is_archived"
        )
        wait = await (await session.connection()).run_sync(seconds_until_due, Channel)
    assert wait == pytest.approx(30, abs=2)
    assert (await _row(database, held.id)).stopped_reason == "is_archived"


async def test_a_row_without_a_next_time_is_never_due(database: Database) -> None:
    """A row that waits for nothing has no due time, and the table says so."""
    await _add(database, 1)
    [held] = await _claim(database)
    async with database.write() as session:
        await release(session, Channel, held, due=None)
        assert await (await session.connection()).run_sync(seconds_until_due, Channel) is None


async def test_many_rows_are_put_back_at_once(database: Database) -> None:
    """Each row of a batch gets its own delay."""
    await _add(database, 3)
    first, second, third = await _claim(database)
    async with database.write() as session:
        await (await session.connection()).run_sync(
            release_many, Channel, [(first, NOW), (second, timedelta(seconds=60))]
        )
    [again] = await _claim(database)
    assert (again.id, again.fencing_token) == (first.id, first.fencing_token + 1)
    assert (await _row(database, third.id)).claimed


async def test_waking_a_resting_row_makes_it_due(database: Database) -> None:
    """A row that nobody holds is due at once."""
    await _add(database, 1, due=60)
    async with database.write() as session:
        await make_due(session, Channel, 1)
    assert len(await _claim(database)) == 1


async def test_a_row_that_was_put_back_can_be_woken_at_once(database: Database) -> None:
    """Nobody holds it any more, whichever way it was put back."""
    await _add(database, 2)
    first, second = await _claim(database)
    async with database.write() as session:
        assert await release(session, Channel, first, due=LEASE)
        await (await session.connection()).run_sync(release_many, Channel, [(second, LEASE)])
    async with database.write() as session:
        await make_due(session, Channel, first.id)
        await make_due(session, Channel, second.id)
    assert len(await _claim(database)) == 2


async def test_waking_a_held_row_waits_for_its_holder(database: Database) -> None:
    """What arrives while a row is worked on is neither lost nor worked on twice at once."""
    await _add(database, 1)
    [held] = await _claim(database)
    async with database.write() as session:
        await make_due(session, Channel, held.id)
    assert await _claim(database) == []
    async with database.write() as session:
        await release(session, Channel, held, due=None)
    assert len(await _claim(database)) == 1


async def test_a_wish_before_the_claim_is_part_of_it(database: Database) -> None:
    """A row that was woken before it was claimed is not due once more after it."""
    await _add(database, 1)
    async with database.write() as session:
        await make_due(session, Channel, 1)
    [held] = await _claim(database)
    async with database.write() as session:
        await release(session, Channel, held, due=None)
    assert await _claim(database) == []


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
async def test_a_fence_that_follows_its_last_tells_that_nothing_happened(
    database: Database,
    many: bool,  # noqa: FBT001 - a case
) -> None:
    """Waking a row raises its fence by more than the next claim does, held or not."""

    async def put_back(held: Claim) -> None:
        async with database.write() as session:
            if many:
                await (await session.connection()).run_sync(release_many, Channel, [(held, NOW)])
            else:
                await release(session, Channel, held, due=NOW)

    await _add(database, 1)
    [first] = await _claim(database)
    await put_back(first)
    [quiet] = await _claim(database)
    assert quiet.fencing_token == first.fencing_token + 1
    async with database.write() as session:
        await make_due(session, Channel, quiet.id)
    await put_back(quiet)
    [while_held] = await _claim(database)
    assert while_held.fencing_token > quiet.fencing_token + 1
    await put_back(while_held)
    async with database.write() as session:
        await make_due(session, Channel, while_held.id)
    [while_resting] = await _claim(database)
    assert while_resting.fencing_token > while_held.fencing_token + 1


async def test_a_fence_tells_what_a_holder_that_died_could_not(database: Database) -> None:
    """A row that was woken while its last holder was dying doesn't look like a quiet one."""
    await _add(database, 1)
    [dying] = await _claim(database, lease=timedelta(0))
    async with database.write() as session:
        await make_due(session, Channel, dying.id)
    [held] = await _claim(database)
    assert held.fencing_token > dying.fencing_token + 1


async def test_a_claim_tells_when_it_was_made(database: Database) -> None:
    """By the database's clock, as due times are."""
    await _add(database, 1)
    [held] = await _claim(database)
    assert (await _row(database, held.id)).due_at == held.at + LEASE


async def test_keeping_a_row_renews_its_lease(database: Database) -> None:
    """A holder that goes on keeps the row past its first lease."""
    await _add(database, 1)
    [held] = await _claim(database, lease=timedelta(0))
    async with database.write() as session:
        assert await renew(session, Channel, held, lease=LEASE)
    assert await _claim(database) == []


async def test_time_is_the_databases_to_the_millisecond(database: Database) -> None:
    """Both databases tell the present as an aware moment, and delays are added to it exactly."""
    async with database.read() as session:
        present, later = (await session.execute(select(now(), after(1.5)))).one()
    assert present.tzinfo is not None
    assert later - present == timedelta(seconds=1.5)


async def test_a_commit_that_makes_rows_due_notifies_the_workers_of_their_table(
    database: Database,
) -> None:
    """After the commit; a transaction that is rolled back notifies nobody, nor do other tables."""
    await _add(database, 1, due=None)
    notified: list[str] = []
    database.subscribe(Channel, lambda: notified.append("channels"))
    database.subscribe(Deployment, lambda: notified.append("deployments"))
    with contextlib.suppress(LookupError):
        async with database.write() as session:
            await make_due(session, Channel, 1)
            raise LookupError
    assert notified == []
    async with database.write() as session:
        await make_due(session, Channel, 1)
        assert notified == []
    assert notified == ["channels"]


@pytest.mark.parametrize(
    ("due", "expected"), [(None, 30), (10.0, 10), (60.0, 30)], ids=["never", "sooner", "later"]
)
async def test_a_row_made_due_after_a_delay_keeps_an_earlier_time(
    database: Database, due: float | None, expected: float
) -> None:
    """A claimed row comes due as it is released, when its worker works out the time."""
    await _add(database, 1, due=due)
    async with database.write() as session:
        await make_due_in(session, Channel, 1, timedelta(seconds=30))
    async with database.read() as session:
        present = (await session.execute(select(now()))).scalar_one()
    row = await _row(database, 1)
    assert row.due_at is not None
    assert abs((row.due_at - present).total_seconds() - expected) < 5
    async with database.write() as session:
        await session.execute(update(Channel).values(due_at=now()))
    [claim] = await _claim(database)
    async with database.write() as session:
        await make_due_in(session, Channel, 1, timedelta(seconds=30))
        await release(session, Channel, claim, due=None)
    assert await _claim(database)
