"""Connections to the database: one object that opens reading and writing transactions.

SQLite wants BEGIN IMMEDIATE for writers only: a deferred transaction that turns into a writer
half-way fails at once when another writes, and a reader that begins IMMEDIATE waits behind it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry

# A request has 3 seconds until Slack gives up on it; a writer that waits longer is of no use.
_BUSY_TIMEOUT_MS = 2_000
# asyncpg itself waits for a minute.
_CONNECT_SECONDS = 5.0


class Database:
    """A pool of connections to one SQLite file or one PostgreSQL database.

    Args:
        url: `sqlite:///path` or `postgresql://…`; the driver is chosen here.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

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
        async with self.engine.connect() as plain:
            connection = await plain.execution_options(begin_immediate=True)
            async with AsyncSession(connection, expire_on_commit=False) as session, session.begin():
                yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare writing transaction, for migrations."""
        async with self.engine.connect() as plain:
            connection = await plain.execution_options(begin_immediate=True)
            async with connection.begin():
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            parsed.set(drivername="sqlite+aiosqlite"),
            hide_parameters=True,
            connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        _for_asyncpg(parsed),
        hide_parameters=True,
        connect_args={"timeout": _CONNECT_SECONDS},
        # A connection that the server closed while it rested is replaced, not handed out.
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
    )


def _for_asyncpg(address: URL) -> URL:
    # Addresses that hosting platforms hand out are written for libpq.
    sslmode = address.query.get("sslmode")
    plain = address.difference_update_query(["sslmode", "channel_binding", "connect_timeout"])
    named = plain.set(drivername="postgresql+asyncpg")
    return named.update_query_dict({"ssl": sslmode}) if sslmode else named


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
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
