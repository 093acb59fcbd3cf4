"""`backup` copies an SQLite database in use; `restored` marks a copy made otherwise."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from bot.config import DatabaseSettings
from bot.db.restore_mark import mark_backup, mark_restored
from bot.db.startup import is_missing, is_prepared, opened
from bot.domain.errors import ConfigError

_BUSY_SECONDS = 30.0
_BY_PG_DUMP = (
    "PostgreSQL is backed up by its own tools:"
    ' `pg_dump --format=custom --file=FILE "$DATABASE_URL"`.'
)


def back_up(settings: DatabaseSettings, file: Path) -> None:
    """Write a consistent copy of the SQLite database to a new file that only its owner can read.

    Raises:
        ConfigError: The database is PostgreSQL or doesn't exist, or the file exists or can't be
            written. No incomplete file is left behind.
    """
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite":
        raise ConfigError([_BY_PG_DUMP])
    if is_missing(settings):
        raise ConfigError(["There is no database yet. `friendli-deploy serve` creates it."])
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise ConfigError([f"{file} exists and stays as it is. Name another file."]) from None
    except OSError as error:
        raise ConfigError([f"{file} can't be created ({error.strerror})."]) from None
    try:
        _copy(Path(url.database or ""), file)
    except sqlite3.Error as error:
        file.unlink(missing_ok=True)
        raise ConfigError([f"The database can't be copied ({error})."]) from None
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _copy(source: Path, file: Path) -> None:
    with (
        closing(sqlite3.connect(source, timeout=_BUSY_SECONDS)) as database,
        closing(sqlite3.connect(file)) as copy,
    ):
        # All pages in one step: one reading transaction, which no writer waits for.
        database.backup(copy)
        # A single file, without a WAL beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        mark_backup(copy)
        copy.commit()


async def restored(settings: DatabaseSettings) -> None:
    """Mark the database as restored: the next `serve` repeats nothing done since."""
    async with opened(settings, create=False) as database:
        if not await is_prepared(database, settings):
            problem = "The database isn't up to date. Run `friendli-deploy migrate` first."
            raise ConfigError([problem])
        await mark_restored(database)
