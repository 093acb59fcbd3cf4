"""Exclusive use of an SQLite file by one process."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from sqlalchemy import make_url

from bot.config import DatabaseSettings
from bot.domain.errors import ConfigError


@contextmanager
def exclusive_use(settings: DatabaseSettings) -> Iterator[None]:
    """Lock an SQLite file until the block ends, or raise ConfigError; no-op on PostgreSQL.

    The operating system releases the lock when a process dies.
    """
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite":
        yield
        return
    # A separate file: SQLite has its own locks on the database. One object for all callers in this
    # process, which don't exclude each other.
    lock = FileLock(f"{url.database}.lock", mode=0o600, is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError([_problem(settings)]) from None
    except OSError as error:
        name = "DATABASE_URL" if settings.database_url is not None else "DATA_DIR"
        problem = f"{name} leads to a folder in which no lock can be created ({error.strerror})."
        raise ConfigError([problem]) from None
    try:
        yield
    finally:
        lock.release()


def _problem(settings: DatabaseSettings) -> str:
    name = "DATABASE_URL" if settings.database_url is not None else "DATA_DIR"
    return (
        f"{name} leads to an SQLite file that another process of this bot uses. Stop that one"
        " first, or use PostgreSQL, which any number of processes share:"
        " DATABASE_URL=postgresql://user:password@host/name."
    )
