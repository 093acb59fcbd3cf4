"""Bring the database's tables up to date; safe when several processes start at once."""

from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from bot.db.session import Database

# An arbitrary number that names our advisory lock among a PostgreSQL server's others.
_LOCK = 7_302_118_441


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
    async with database.connection() as connection:
        if not database.is_sqlite:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK}
            )
        await connection.run_sync(_upgrade, revision)


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(script_location()))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
