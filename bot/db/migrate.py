"""Migrate the database; safe when several processes start at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import stamina
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from bot.db.session import Database

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is imported only if needed: it takes an eighth of a start.
# ruff: noqa: PLC0415

# An arbitrary key of our advisory lock on a PostgreSQL server.
_LOCK = 7_302_118_441
# Seconds to wait for another process that migrates an SQLite file.
_LOCK_TIMEOUT = 60.0


def script_location() -> Path:
    """The migrations: in an installed wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("bot")))
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


class UnknownRevisionError(Exception):
    """The tables are of a revision that only a newer version knows."""


def newest_revision() -> str:
    names = (path.name for path in (script_location() / "versions").glob("[0-9]*.py"))
    return max(names).partition("_")[0]


async def migrate(database: Database, *, revision: str = "head") -> None:
    """Upgrade to a revision, the newest by default, or raise UnknownRevisionError.

    Others wait meanwhile: on an advisory lock in PostgreSQL, on the write lock in SQLite.
    """
    # SQLite's busy timeout suits people's requests; a migration may take longer.
    async for attempt in stamina.retry_context(on=_is_locked, attempts=None, timeout=_LOCK_TIMEOUT):
        with attempt:
            await _migrate(database, revision)


async def is_migrated(database: Database) -> bool:
    """Whether the tables are of the newest revision; raises UnknownRevisionError."""
    current = await _current_revision(database)
    if current in (None, newest_revision()):
        return current is not None
    from alembic.script import ScriptDirectory

    with _known_revisions():
        ScriptDirectory.from_config(_config()).get_revision(current)
    return False


async def _migrate(database: Database, revision: str) -> None:
    if revision == "head" and await _current_revision(database) == newest_revision():
        return
    async with database.connection() as connection:
        if not database.is_sqlite:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK}
            )
        with _known_revisions():
            await connection.run_sync(_upgrade, revision)


async def _current_revision(database: Database) -> str | None:
    async with database.read() as session:
        connection = await session.connection()
        if not await connection.run_sync(lambda here: inspect(here).has_table("alembic_version")):
            return None
        revision: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


@contextmanager
def _known_revisions() -> Iterator[None]:
    from alembic.util import CommandError

    try:
        yield
    except CommandError as error:
        if "Can't locate revision" not in str(error):
            raise
        raise UnknownRevisionError from error


def _is_locked(error: Exception) -> bool:
    return (
        isinstance(error, OperationalError)
        and getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    )


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(script_location()))
    return config


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
