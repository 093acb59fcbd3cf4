"""Tell temporary database outages from wrong statements."""

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
# SQLSTATEs and classes, https://www.postgresql.org/docs/current/errcodes-appendix.html:
# connection lost, deadlock or the like, no room, not ready, starting up or shutting down.
_POSTGRESQL_PASSES = {"08", "25006", "40", "53", "55", "57", "58"}


def is_outage(error: BaseException) -> bool:
    """Whether an error of a driver, of SQLAlchemy or of connecting is temporary."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | TimeoutError | PoolTimeoutError)
    state = sqlstate(error)
    return (
        error.connection_invalidated
        or sqlite_code(error) in _SQLITE_PASSES
        or not _POSTGRESQL_PASSES.isdisjoint({state, state[:2]})
    )


def sqlite_code(error: DBAPIError) -> int:
    """SQLite's primary result code; 0 for other errors."""
    # Extended codes hold the primary one in their lowest byte.
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's SQLSTATE; '' for other errors."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def error_name(error: BaseException) -> str:
    """A short name for the log, without any data of the statement."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    return (
        getattr(error.orig, "sqlite_errorname", "") or sqlstate(error) or type(error.orig).__name__
    )
