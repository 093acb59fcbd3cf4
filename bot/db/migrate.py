"""Bring the database's tables up to date; safe when several processes start at once."""

import sqlite3
from importlib import resources
from pathlib import Path

import stamina
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bot.db.session import Database

# An arbitrary number that names our advisory lock among a PostgreSQL server's others.
_LOCK = 7_302_118_441
# Seconds that another process may take to migrate an SQLite file.
_PATIENCE = 60.0


def script_location() -> Path:
    """Where the migrations lie: inside an installed wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("bot")))
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


async def migrate(database: Database, *, revision: str = "head") -> None:
    """Upgrade to a revision, the newest by default.

    One process upgrades while the others wait: on an advisory lock in PostgreSQL, on the file's
    write lock in SQLite.
    """
    # SQLite's own waiting is as short as a person's patience; a migration may take longer.
    async for attempt in stamina.retry_context(on=_is_locked, attempts=None, timeout=_PATIENCE):
        with attempt:
            await _migrate(database, revision)


async def is_migrated(database: Database) -> bool:
    """Whether the tables are of the newest revision.

    Raises:
        CommandError: They are of one that this version doesn't know.
    """
    script = ScriptDirectory.from_config(_config())
    async with database.read() as session:
        current = await (await session.connection()).run_sync(
            lambda connection: MigrationContext.configure(connection).get_current_revision()
        )
    if current is not None:
        script.get_revision(current)
    return current == script.get_current_head()


async def _migrate(database: Database, revision: str) -> None:
    async with database.connection() as connection:
        if not database.is_sqlite:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK}
            )
        await connection.run_sync(_upgrade, revision)


def _is_locked(error: Exception) -> bool:
    return (
        isinstance(error, OperationalError)
        and getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location()))
    return config


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
