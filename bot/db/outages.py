"""Tell a database that is away for a while from a statement that is wrong."""

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# https://sqlite.org/rescode.html
_SQLITE_PASSES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PROTOCOL,
}
# SQLSTATEs and their classes, https://www.postgresql.org/docs/current/errcodes-appendix.html:
# connection lost, deadlock or the like, no room, not ready, starting up or shutting down.
_POSTGRESQL_PASSES = {"08", "25006", "40", "53", "55", "57", "58"}


def is_outage(error: BaseException) -> bool:
    """Whether an error of the database passes without a change to the bot or its settings.

    Args:
        error: Of a driver, of SQLAlchemy, or of a connection that can't be opened.
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | TimeoutError | PoolTimeoutError)
    state = sqlstate(error)
    return (
        error.connection_invalidated
        or sqlite_code(error) in _SQLITE_PASSES
        or not _POSTGRESQL_PASSES.isdisjoint({state, state[:2]})
    )


def sqlite_code(error: DBAPIError) -> int:
    """SQLite's primary result code; 0 if the error isn't SQLite's."""
    # Extended codes hold the primary one in their lowest byte.
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's SQLSTATE; '' if the error isn't PostgreSQL's."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def error_name(error: BaseException) -> str:
    """A short name for the log, with nothing in it that was sent to the database."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    return (
        getattr(error.orig, "sqlite_errorname", "") or sqlstate(error) or type(error.orig).__name__
    )
