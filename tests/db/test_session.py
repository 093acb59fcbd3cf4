"""What becomes of transactions that are cancelled half-way, as when a lease ends."""

import asyncio
import threading
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.message_tables import Workspace
from bot.db.session import Database, notify_on_commit

LIMIT = 1000 * 4096

# Takes the engine long enough to be cancelled on the way.
_LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000)"
    " SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


async def cancelled_half_way(database: Database) -> None:
    """Write something, and be cancelled while the next statement runs."""
    async with asyncio.timeout(0.05), database.write() as session:
        session.add(Workspace(enterprise_id="", workspace_id="T1"))
        await session.flush()
        await session.execute(text(_LONG[database.engine.dialect.name]))


async def test_a_transaction_that_is_cancelled_half_way_lets_go_of_everything(
    database: Database,
) -> None:
    """The next one begins at once, even while the traceback of the cancelled one is kept."""
    with pytest.raises(TimeoutError) as cancelled:
        await cancelled_half_way(database)
    async with database.write() as session:
        assert (await session.scalars(select(Workspace.id))).all() == []
        session.add(Workspace(enterprise_id="", workspace_id="T1"))
    assert cancelled.tb is not None


async def test_a_short_transaction_that_fails_leaves_nothing_behind(database: Database) -> None:
    """Neither its rows, nor a lock that the next one would wait for."""

    def fail(connection: Connection) -> None:
        connection.execute(insert(Workspace).values(enterprise_id="", workspace_id="T1"))
        raise LookupError

    def workspaces(connection: Connection) -> list[str]:
        connection.execute(insert(Workspace).values(enterprise_id="", workspace_id="T2"))
        return list(connection.scalars(select(Workspace.workspace_id)))

    with pytest.raises(LookupError):
        await database.at_once(fail)
    assert await database.at_once(workspaces) == ["T2"]


async def test_closing_waits_for_a_short_transaction_that_was_cancelled(sqlite_url: str) -> None:
    """Its thread ends by itself; with the last connection, SQLite's log beside the file goes."""
    database = Database(sqlite_url)
    entered, goes_on = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        entered.set()
        assert goes_on.wait(30)

    transaction = asyncio.create_task(database.at_once(wait))
    await asyncio.to_thread(entered.wait, 30)
    transaction.cancel()
    with pytest.raises(asyncio.CancelledError):
        await transaction
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    goes_on.set()
    await closing
    file = Path(database.engine.url.database or "")
    assert [path.name for path in file.parent.iterdir()] == [file.name]


async def test_a_transaction_that_fails_leaves_nothing_behind(database: Database) -> None:
    """Its exception is the caller's, and the next one begins at once."""

    async def fail(session: AsyncSession) -> None:
        session.add(Workspace(enterprise_id="", workspace_id="T1"))
        await session.flush()
        raise LookupError

    async def workspaces(session: AsyncSession) -> list[str]:
        session.add(Workspace(enterprise_id="", workspace_id="T2"))
        await session.flush()
        return list(await session.scalars(select(Workspace.workspace_id)))

    with pytest.raises(LookupError):
        await database.transact(fail)
    assert await database.transact(workspaces) == ["T2"]


async def test_workers_are_notified_once_a_transaction_is_committed(database: Database) -> None:
    """Not before, and not if it fails."""
    notified: list[str] = []
    database.subscribe(Workspace, lambda: notified.append("due"))

    async def mark(session: AsyncSession) -> list[str]:
        notify_on_commit(session, Workspace)
        return list(notified)

    async def fail(session: AsyncSession) -> None:
        notify_on_commit(session, Workspace)
        raise LookupError

    assert await database.transact(mark) == []
    assert notified == ["due"]
    with pytest.raises(LookupError):
        await database.transact(fail)
    assert notified == ["due"]


async def test_what_a_transaction_binds_for_log_lines_stays_bound(database: Database) -> None:
    """Although a thread runs it on SQLite."""

    async def bind(_session: AsyncSession) -> None:
        structlog.contextvars.bind_contextvars(deployment="it")

    await database.transact(bind)
    assert structlog.contextvars.get_contextvars()["deployment"] == "it"


async def test_a_cancelled_caller_s_transaction_ends(sqlite_url: str) -> None:
    """It is committed, and its turn passes on only then."""
    database = Database(sqlite_url)
    entered, goes_on = threading.Event(), threading.Event()

    async def write(session: AsyncSession) -> None:
        session.add(Workspace(enterprise_id="", workspace_id="T1"))
        await session.flush()
        entered.set()
        assert goes_on.wait(30)

    caller = asyncio.create_task(database.transact(write))
    await asyncio.to_thread(entered.wait, 30)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    async def read_in_turn() -> list[str]:
        async with database.write() as session:
            return list(await session.scalars(select(Workspace.workspace_id)))

    reading = asyncio.create_task(read_in_turn())
    await asyncio.sleep(0)
    goes_on.set()
    assert await reading == ["T1"]
    await database.close()


async def test_a_request_s_transaction_goes_before_those_of_workers(sqlite_url: str) -> None:
    """However many of them wait; only the one whose turn is next stays ahead."""
    database = Database(sqlite_url)
    order: list[str] = []

    async def work(name: str) -> None:
        async with database.write() as session:
            await session.execute(select(Workspace.id))
            order.append(name)

    async def click(_session: AsyncSession) -> None:
        order.append("click")

    async with database.write():
        tasks = [asyncio.create_task(work(f"worker {number}")) for number in range(5)]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(database.transact(click)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order.index("click") <= 1
    await database.close()


async def test_a_transaction_in_a_thread_waits_for_nothing_else(sqlite_url: str) -> None:
    """One that does is a defect: it fails, and what it wrote is rolled back."""
    database = Database(sqlite_url)

    async def wait(session: AsyncSession) -> None:
        session.add(Workspace(enterprise_id="", workspace_id="T1"))
        await session.flush()
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited for something other"):
        await database.transact(wait)
    async with database.write() as session:
        assert (await session.scalars(select(Workspace.id))).all() == []
    await database.close()


def size(file: Path) -> int:
    return file.stat().st_size


async def test_sqlite_s_wal_file_ends_at_its_limit(sqlite_url: str) -> None:
    """It is written over from its beginning, and what a large transaction added is cut off."""
    database = Database(sqlite_url)
    wal = Path(f"{sqlite_url.removeprefix('sqlite:///')}-wal")
    filler = text(
        "INSERT INTO workspaces (enterprise_id, workspace_id, plan_refused) VALUES"
        " (:name, hex(zeroblob(100000)), false)"
    )
    async with database.write() as session:
        for number in range(100):
            await session.execute(filler, {"name": f"E{number}"})
    assert size(wal) > 2 * LIMIT
    for number in range(3):
        async with database.write() as session:
            await session.execute(filler, {"name": f"F{number}"})
    assert size(wal) <= LIMIT
    await database.close()
