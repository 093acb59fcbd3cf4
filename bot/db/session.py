"""Connections to the database: one object that opens reading and writing transactions.

SQLite wants BEGIN IMMEDIATE for writers only: a deferred transaction that turns into a writer
half-way fails at once when another writes, and a reader that begins IMMEDIATE waits behind it.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, Row, Select, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry

from bot.db import postgresql

# A request has 3 seconds until Slack gives up on it; a writer that waits longer is of no use.
_BUSY_TIMEOUT_MS = 2_000

# SQLite's own limit of 1,000 pages, after which it begins the WAL file anew.
_WAL_BYTES = 1000 * 4096


_DUE_TABLES = "tables with rows made due"

_Columns = TypeVarTuple("_Columns")
_Arguments = TypeVarTuple("_Arguments")
_T = TypeVar("_T")


class Database:
    """A pool of connections to one SQLite file or one PostgreSQL database.

    Args:
        url: `sqlite:///path` or `postgresql://…`; the driver is chosen here.

    Raises:
        AddressError: A parameter of a PostgreSQL address can't be used.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        # The driver hands each step of a statement over to a thread and back, which is most of what
        # a small read takes. Here a thread takes all of its steps.
        self._at_once = _engine_at_once(url)
        # SQLite has one writer at a time, and lets those who wait for it poll: here they queue.
        self._turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()
        )
        self._in_threads: set[asyncio.Future[Any]] = set()
        self._subscribers: dict[type, list[Callable[[], None]]] = {}

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a single-process SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session that only reads; nothing is committed."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session in a writing transaction; it commits when the block ends normally."""
        async with self._turn, self.engine.connect() as plain:
            connection = await plain.execution_options(begin_immediate=True)
            async with AsyncSession(connection, expire_on_commit=False) as session:
                async with session.begin():
                    yield session
                for table in session.info.get(_DUE_TABLES, ()):
                    for notify in self._subscribers.get(table, ()):
                        notify()

    def subscribe(self, table: type, notify: Callable[[], None]) -> None:
        """Call `notify` after each commit of `write` that made rows of a table due."""
        self._subscribers.setdefault(table, []).append(notify)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare writing transaction, without a session's cost."""
        async with self._turn, self.engine.connect() as plain:
            connection = await plain.execution_options(begin_immediate=True)
            async with connection.begin():
                yield connection

    async def rows(
        self, statement: Select[*_Columns], parameters: Mapping[str, object] | None = None
    ) -> Sequence[Row[*_Columns]]:
        """Run one statement that reads, and return its rows."""
        if self._at_once is not None:
            return await self._in_thread(_rows, self._at_once, statement, parameters)
        async with self.engine.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    async def at_once(self, work: Callable[[Connection], _T]) -> _T:
        """Run a short writing transaction of a few statements, and return what it returns.

        If the machine fails, SQLite may lose it, up to the next transaction of another kind: it is
        for who works on what, which nobody does any more by then, and not for what was asked.
        """
        if self._at_once is not None:
            async with self._turn:
                return await self._in_thread(_in_transaction, self._at_once, work)
        async with self.connection() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close every connection, also those whose statement nobody waits for any more."""
        # A thread can't be cancelled, and the pool forgets a connection that is still in use.
        await asyncio.gather(*self._in_threads, return_exceptions=True)
        if self._at_once is not None:
            self._at_once.dispose()
        await self.engine.dispose()

    async def _in_thread(self, work: Callable[[*_Arguments], _T], *arguments: *_Arguments) -> _T:
        running: asyncio.Future[_T]
        running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
        self._in_threads.add(running)
        running.add_done_callback(self._ended)
        return await asyncio.shield(running)

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._in_threads.discard(running)
        # If it was cancelled, nobody else reads its exception.
        running.exception()


def notify_on_commit(session: AsyncSession, table: type) -> None:
    """Let this process's workers look for due rows of a table once the transaction is committed.

    Nothing depends on it: the next scan finds the rows, here or in another process.
    """
    session.info.setdefault(_DUE_TABLES, set()).add(table)


def _engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            _create_for_owner(Path(parsed.database))
        engine = create_async_engine(
            parsed.set(drivername="sqlite+aiosqlite"),
            hide_parameters=True,
            connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        event.listen(engine.sync_engine, "invalidate", _let_go_of_sqlite)
        return engine
    return create_async_engine(
        **postgresql.engine_arguments(parsed),
        hide_parameters=True,
        # A connection that the server closed while it rested is replaced, not handed out.
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
    )


def _create_for_owner(path: Path) -> None:
    """Create an SQLite file that only its owner can read; its WAL gets the same mode from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _engine_at_once(url: str) -> Engine | None:
    parsed = make_url(url)
    # What lies in memory belongs to one connection.
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    engine = create_engine(
        parsed.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "connect", _commit_without_waiting)
    return engine


def _rows(
    engine: Engine, statement: Select[*_Columns], parameters: Mapping[str, object] | None
) -> Sequence[Row[*_Columns]]:
    with engine.connect() as connection:
        return connection.execute(statement, parameters).all()


def _in_transaction(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return work(connection)


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver's own implicit BEGIN comes too late for IMMEDIATE; we begin ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    # Kept in the file. Switching needs the file to itself and doesn't wait for it.
    cursor.execute("PRAGMA journal_mode")
    if cursor.fetchone() != ("wal",):
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    # Every commit appends whole pages of 4 KiB to the WAL file, so a bot that only watches adds
    # about 1 MiB a minute. That ends at 1,000 pages, from which on the file is written over from
    # its beginning; what a large transaction made longer is cut off again.
    cursor.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _commit_without_waiting(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The next durable commit takes with it what was committed before, and only a machine that fails
    # loses it otherwise; the process fails too then.
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _let_go_of_sqlite(
    connection: DBAPIConnection, _record: ConnectionPoolEntry, _error: BaseException | None
) -> None:
    # What is cancelled half-way gives its connection up. Closing isn't enough: a statement that
    # a traceback still refers to keeps the connection, and the file locked, until it is collected.
    with contextlib.suppress(sqlite3.Error):
        connection.rollback()
