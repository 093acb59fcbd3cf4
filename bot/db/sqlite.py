"""SQLite's engines, and a cursor that hands a whole statement to the connection's thread at once.

The cursor reads private attributes of SQLAlchemy's adapter and of aiosqlite, whose public methods
take one step each; both are pinned.

Writers begin IMMEDIATE: a deferred transaction that turns into a writer half-way fails at once when
another writes. Readers don't, since one that begins IMMEDIATE waits behind a writer.
"""

import collections
import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import aiosqlite
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import EMPTY_DICT
from sqlalchemy.util.concurrency import await_

# A request has 3 seconds until Slack gives up on it; a writer that waits longer is of no use.
_BUSY_TIMEOUT_MS = 2_000

# SQLite's own limit of 1,000 pages, after which it begins the WAL file anew.
_WAL_BYTES = 1000 * 4096

BEGIN_IMMEDIATE = "begin_immediate"
"""The execution option of connections that write."""

_NOTHING: tuple[None, int, int | None, Sequence[Any]] = (None, -1, None, ())


def async_engine(url: URL) -> AsyncEngine:
    """An engine for the event loop; each connection has a thread of its own."""
    if _is_file(url):
        _create_for_owner(Path(str(url.database)))
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        hide_parameters=True,
        connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine.sync_engine, "do_connect", _connect)
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    event.listen(engine.sync_engine, "invalidate", _roll_back)
    return engine


def thread_engine(url: URL, *, durable: bool) -> Engine | None:
    """An engine for transactions that a thread runs whole; None of a database in memory.

    Args:
        url: Of the database.
        durable: Whether a commit survives the failure of the machine. Without, it is lost unless
            a durable commit follows.
    """
    # What lies in memory belongs to one connection.
    if not _is_file(url):
        return None
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin_writing)
    if not durable:
        event.listen(engine, "connect", _commit_without_waiting)
    return engine


def _is_file(url: URL) -> bool:
    return url.database not in (None, "", ":memory:")


def _create_for_owner(path: Path) -> None:
    """Create an SQLite file that only its owner can read; its WAL gets the same mode from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _connect(
    dialect: Dialect,
    _record: ConnectionPoolEntry,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
) -> DBAPIConnection:
    connection: Any = aiosqlite.connect(*arguments, **named)
    # A thread that still runs a statement must not keep the process alive.
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy's own dialect does
    driver = cast("AsyncAdapt_aiosqlite_dbapi", dialect.dbapi)
    return cast("DBAPIConnection", _Connection(driver, await_(connection)))


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that executes, fetches and closes in one step of the connection's thread.

    The base class waits for the thread once for each of these.
    """

    __slots__ = ("_result",)

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection  # noqa: SLF001
        self._soft_closed_memoized = EMPTY_DICT
        self._rows = collections.deque()
        self._result = _NOTHING

    @property
    def description(self) -> Any:  # noqa: ANN401 - the driver's
        return self._result[0]

    @property
    def rowcount(self) -> int:
        return self._result[1]

    @property
    def lastrowid(self) -> int:
        return cast("int", self._result[2])

    def execute(self, operation: Any, parameters: Any = None) -> None:  # noqa: ANN401
        self._run("execute", operation, () if parameters is None else parameters)

    def executemany(self, operation: Any, seq_of_parameters: Any) -> None:  # noqa: ANN401
        self._run("executemany", operation, seq_of_parameters)

    def _run(self, method: str, operation: str, parameters: Any) -> None:  # noqa: ANN401
        connection: Any = self._connection
        plain = connection._conn  # noqa: SLF001

        def run() -> tuple[Any, int, int | None, Sequence[Any]]:
            # An open cursor keeps the connection's read lock.
            with contextlib.closing(plain.cursor()) as cursor:
                getattr(cursor, method)(operation, parameters)
                rows = cursor.fetchall() if cursor.description else ()
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows

        try:
            self._result = await_(connection._execute(run))  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - sorted as in the base class
            self._adapt_connection._handle_exception(error)  # noqa: SLF001
        self._rows = collections.deque(self._result[3])

    async def _async_soft_close(self) -> None:
        """It is closed."""

    def close(self) -> None:
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor  # type: ignore[assignment] # it is one


def _prepare(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
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


def _begin(connection: Connection) -> None:
    # Several reads see the same state only within a transaction.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_writing(connection: Connection) -> None:
    # A thread reads with one statement at a time.
    if _writes(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(BEGIN_IMMEDIATE, False))


def _roll_back(
    connection: DBAPIConnection, _record: ConnectionPoolEntry, _error: BaseException | None
) -> None:
    # What is cancelled half-way gives its connection up. Closing isn't enough: a statement that
    # a traceback still refers to keeps the connection, and the file locked, until it is collected.
    with contextlib.suppress(sqlite3.Error):
        connection.rollback()
