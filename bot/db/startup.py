"""Open the configured database, and describe why it can't be used."""

import os
import sqlite3
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from bot.config import DatabaseSettings
from bot.db import postgresql
from bot.db.migrate import UnknownRevisionError, is_migrated, migrate
from bot.db.outages import error_name, is_outage, sqlite_code, sqlstate
from bot.db.postgresql import AddressError
from bot.db.session import Database
from bot.domain.errors import ConfigError
from bot.domain.process.startup_retry import UnreachableError

# https://sqlite.org/rescode.html
_SQLITE_REFUSALS = {
    sqlite3.SQLITE_CANTOPEN: "its file can't be opened",
    sqlite3.SQLITE_READONLY: "its file can't be written to",
    sqlite3.SQLITE_PERM: "its file can't be written to",
    sqlite3.SQLITE_AUTH: "its file can't be written to",
    sqlite3.SQLITE_NOTADB: "its file is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
}
_POOLED = (
    "a pooler in transaction mode is in front of it, such as PgBouncer. Add pgbouncer=true to the"
    " address"
)
# SQLSTATEs and their classes, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_REFUSALS = {
    "28": "it refuses the user or the password",
    "3D": "it has no database of that name",
    "42501": "the user may not create tables in it",
    "42704": "it doesn't know a parameter of the address",
    "08P01": "it doesn't take a parameter of the address",
    "26000": _POOLED,
    "42P05": _POOLED,
}


# OpenSSL's reasons: a file that is no key or certificate, and two that don't match.
_TLS_REFUSALS = {"KEY_VALUES_MISMATCH", "NO_START_LINE", "PEM lib", "BAD_BASE64_DECODE"}


def open_database(settings: DatabaseSettings) -> Database:
    """Open the database, without a connection yet; ConfigError for an unusable URL or folder."""
    try:
        return Database(settings.database)
    except AddressError as error:
        raise ConfigError([f"DATABASE_URL: {error}"]) from None
    except OSError as error:
        raise _refusal(settings, f"its folder can't be created ({error.strerror})") from None


def is_missing(settings: DatabaseSettings) -> bool:
    """Whether it is an SQLite file that doesn't exist; opening it would create it."""
    url = make_url(settings.database)
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()


def creation_problem(settings: DatabaseSettings) -> str | None:
    """Why a missing SQLite file couldn't be created; changes nothing."""
    path = Path(make_url(settings.database).database or "")
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    try:
        # Where temporary files have no name.
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        reason = f"its file can't be created in {folder} ({error.strerror})"
    [problem] = _refusal(settings, reason).problems
    return problem


@asynccontextmanager
async def opened(settings: DatabaseSettings, *, create: bool = True) -> AsyncIterator[Database]:
    """Open the database for a short command, or raise ConfigError."""
    if not create and is_missing(settings):
        raise ConfigError(["There is no database yet. `friendli-deploy serve` creates it."])
    database = open_database(settings)
    try:
        yield database
    except UnreachableError as error:
        raise ConfigError([f"The database can't be reached ({error.reason})."]) from None
    finally:
        await database.close()


async def prepare(database: Database, settings: DatabaseSettings) -> None:
    """Migrate the tables. Raises ConfigError, or UnreachableError if it may work later."""
    with _in_words(settings):
        await _refuse_undeclared_pooler(database, settings)
        await migrate(database)


async def is_prepared(database: Database, settings: DatabaseSettings) -> bool:
    """Whether the tables are migrated; changes nothing. Raises as `prepare`."""
    with _in_words(settings):
        await _refuse_undeclared_pooler(database, settings)
        return await is_migrated(database)


async def _refuse_undeclared_pooler(database: Database, settings: DatabaseSettings) -> None:
    """Statements prepared on one server connection would be missing on the next."""
    address = make_url(settings.database)
    if database.is_sqlite or postgresql.is_pooled(address):
        return
    if await postgresql.is_transaction_pooled(database.engine):
        raise _refusal(settings, _POOLED)


@contextmanager
def _in_words(settings: DatabaseSettings) -> Iterator[None]:
    try:
        yield
    except UnknownRevisionError:
        raise _refusal(settings, "a newer version of this bot has migrated it") from None
    except DBAPIError as error:
        if reason := _refused(error):
            raise _refusal(settings, reason) from None
        if not is_outage(error):
            raise
        raise UnreachableError(error_name(error)) from None
    except (OSError, TimeoutError) as error:
        if reason := _refused_by_tls(error):
            raise _refusal(settings, reason) from None
        raise UnreachableError(type(error).__name__) from None


def _refusal(settings: DatabaseSettings, reason: str) -> ConfigError:
    name = "data_dir" if settings.database_url is None else "database_url"
    how = DatabaseSettings.model_fields[name].description
    return ConfigError([f"{name.upper()} leads to a database that can't be used: {reason}. {how}"])


def _refused_by_tls(error: OSError) -> str | None:
    """Why TLS will fail the next time, too; None if it may not."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate isn't accepted ({error.verify_message}). Name its issuer's"
            " certificate in sslrootcert, and with sslmode=verify-full the host that it names"
        )
    if isinstance(error, ssl.SSLError) and error.reason in _TLS_REFUSALS:
        return f"sslcert and sslkey can't be used ({error.reason})"
    # The driver's text, as it has no exception type for it.
    if "rejected SSL upgrade" in str(error):
        return "it doesn't speak TLS, which sslmode asks for"
    return None


def _refused(error: DBAPIError) -> str | None:
    if isinstance(cause := getattr(error.orig, "__cause__", None), asyncpg.InterfaceError):
        is_about_address = isinstance(cause, asyncpg.ClientConfigurationError)
        return f"its address can't be used ({cause})" if is_about_address else None
    code, state = sqlite_code(error), sqlstate(error)
    return (
        _SQLITE_REFUSALS.get(code)
        or _POSTGRESQL_REFUSALS.get(state)
        or _POSTGRESQL_REFUSALS.get(state[:2])
    )
