"""Open the database that the settings name, and say in words why it can't be used."""

import sqlite3

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from bot.config import Settings
from bot.db.migrate import migrate
from bot.db.session import Database
from bot.errors import ConfigError
from bot.reaching import NotReachedError

# https://sqlite.org/rescode.html; all others may pass: locked, busy, a full disk.
_SQLITE_REFUSALS = {
    sqlite3.SQLITE_CANTOPEN: "its file can't be opened",
    sqlite3.SQLITE_READONLY: "its file can't be written to",
    sqlite3.SQLITE_PERM: "its file can't be written to",
    sqlite3.SQLITE_AUTH: "its file can't be written to",
    sqlite3.SQLITE_NOTADB: "its file is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
}
# Classes of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html; all others
# may pass: starting up, shutting down, too many connections.
_POSTGRESQL_REFUSALS = {
    "28": "it refuses the user or the password",
    "3D": "it has no database of that name",
    "42501": "the user may not create tables in it",
    "42704": "it doesn't know a parameter of the address",
}
# A statement of ours is wrong.
_DEFECT = "42"


def open_database(settings: Settings) -> Database:
    """Open the database, without a connection yet.

    Raises:
        ConfigError: Its folder can't be made.
    """
    try:
        return Database(settings.database)
    except OSError as error:
        raise _refusal(settings, f"its folder can't be made ({error.strerror})") from None


async def prepare(database: Database, settings: Settings) -> None:
    """Bring the tables up to date.

    Raises:
        ConfigError: Only a person can help.
        NotReachedError: It may work later.
    """
    try:
        await migrate(database)
    except CommandError as error:
        if "Can't locate revision" not in str(error):
            raise
        raise _refusal(settings, "a newer version of this bot has migrated it") from None
    except DBAPIError as error:
        reason = _reason(error.orig)
        if reason:
            raise _refusal(settings, reason) from None
        if _sqlstate(error.orig).startswith(_DEFECT):
            raise
        raise NotReachedError(_name(error.orig)) from None
    except (OSError, TimeoutError) as error:
        raise NotReachedError(type(error).__name__) from None


def _refusal(settings: Settings, reason: str) -> ConfigError:
    name = "data_dir" if settings.database_url is None else "database_url"
    how = Settings.model_fields[name].description
    return ConfigError([f"{name.upper()} leads to a database that can't be used: {reason}. {how}"])


def _reason(error: BaseException | None) -> str | None:
    if isinstance(error, sqlite3.Error):
        # Extended codes hold the primary one in their lowest byte.
        return _SQLITE_REFUSALS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    state = _sqlstate(error)
    return _POSTGRESQL_REFUSALS.get(state) or _POSTGRESQL_REFUSALS.get(state[:2])


def _sqlstate(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _name(error: BaseException | None) -> str:
    return getattr(error, "sqlite_errorname", "") or _sqlstate(error) or type(error).__name__
