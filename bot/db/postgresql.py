"""Parameters of a PostgreSQL URL: libpq's, the driver's and the server's.

Hosting platforms' URLs are written for libpq
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS). asyncpg reads
those about TLS from a URL only; some it doesn't know; the rest is the server's.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
from sqlalchemy import URL, event, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

# asyncpg's own default is a minute.
_CONNECT_SECONDS = 5.0
_PING_AFTER_SECONDS = 2.0
_IDLE_SINCE = "idle since"

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile", "servicefile")
_READ_FROM_AN_ADDRESS = {
    *_FILES,
    "sslmode",
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "service",
    "krbsrvname",
    "gsslib",
}
_ARGUMENTS = {"host", "port", "target_session_attrs", "prepared_statement_cache_size"}
# They don't matter here, or ask for the default.
_LEFT_OUT = {
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "pgbouncer",
    "sslcertmode",
    "sslcompression",
    "sslsni",
    "tcp_user_timeout",
}
_BUNDLE = "Name a file, such as /etc/ssl/certs/ca-certificates.crt, with sslmode=verify-full"
_FULL = "Remove it, and write sslmode=verify-full"


class AddressError(ValueError):
    """An unusable URL; the text says why and what to write instead."""


def is_pooled(address: URL) -> bool:
    """Whether the URL declares a pooler in transaction mode in front of the server."""
    return address.query.get("pgbouncer") == "true"


def engine_arguments(address: URL) -> dict[str, Any]:
    """The arguments of `create_async_engine` for a URL, or AddressError."""
    query = {name: _last(value) for name, value in address.query.items()}
    if "ssl" in query:
        query.setdefault("sslmode", query.pop("ssl"))
    for name, (is_refused, instead) in _REFUSED.items():
        if name in query and is_refused(query[name]):
            raise AddressError(f"{name}={query[name]} can't be used. {instead}.")
    for name in _FILES:
        if name in query and not Path(query[name]).is_file():
            raise AddressError(f"{name} names a file that doesn't exist or can't be read.")
    known = _READ_FROM_AN_ADDRESS | _ARGUMENTS | _LEFT_OUT
    arguments: dict[str, Any] = {
        "timeout": _CONNECT_SECONDS,
        "server_settings": {name: query[name] for name in sorted(set(query) - known)},
    }
    dsn = {name: query[name] for name in sorted(_READ_FROM_AN_ADDRESS & set(query))}
    if dsn:
        arguments["dsn"] = f"postgresql://?{urlencode(dsn)}"
    if is_pooled(address):
        arguments |= {
            # The next transaction may run on another server connection, which lacks statements
            # prepared on this one.
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
            "connection_class": _PooledConnection,
        }
    passed = {name: query[name] for name in _ARGUMENTS & set(query)}
    return {
        "url": address.set(drivername="postgresql+asyncpg", query=passed),
        "connect_args": arguments,
    }


async def is_transaction_pooled(engine: AsyncEngine) -> bool:
    pid = select(text("pg_backend_pid()"))
    seen: list[set[int]] = [set(), set()]
    async with engine.connect() as one, engine.connect() as other:
        for _ in range(3):
            for connection, pids in zip((one, other), seen, strict=True):
                pids.add((await connection.execute(pid)).scalar_one())
                await connection.rollback()
    return not (len(seen[0]) == len(seen[1]) == 1 and seen[0].isdisjoint(seen[1]))


def replace_closed(engine: AsyncEngine) -> None:
    """Replace a connection that the server closed while it was idle, before it is handed out.

    `pool_pre_ping` asks each time, which is a round trip. One that was used a moment ago isn't
    asked here: when a server restarts, the driver sees its connections close.
    """
    dialect = engine.dialect

    def checked_in(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    def checked_out(
        connection: DBAPIConnection, record: ConnectionPoolEntry, _handle: PoolProxiedConnection
    ) -> None:
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        present = time.monotonic()
        if present - record.info.get(_IDLE_SINCE, present) > _PING_AFTER_SECONDS:
            try:
                dialect.do_ping(connection)
            except (dialect.loaded_dbapi.Error, OSError):
                raise InvalidatePoolError from None

    event.listen(engine.sync_engine, "checkin", checked_in)
    event.listen(engine.sync_engine, "checkout", checked_out)


class _PooledConnection(asyncpg.Connection):  # type: ignore[misc] # the library has no types
    """A connection through a pooler in transaction mode."""

    async def set_type_codec(self, *arguments: object, **named: object) -> None:
        """Look up the type within one transaction: it takes two messages to the same server."""
        async with self.transaction():
            await super().set_type_codec(*arguments, **named)


def _last(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else value[-1]


def _is(*refused: str) -> Callable[[str], bool]:
    return lambda value: value in refused


def _is_none_of(*known: str) -> Callable[[str], bool]:
    return lambda value: value not in known


def _always(_value: str) -> bool:
    return True


_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_REFUSED: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "sslmode": (_is_none_of(*_SSL_MODES), f"Write one of {', '.join(_SSL_MODES)}"),
    "sslnegotiation": (_is_none_of("postgres", "direct"), "Write postgres or direct"),
    "ssl_min_protocol_version": (_is_none_of(*_TLS_VERSIONS), "Write TLSv1.2 or TLSv1.3"),
    "ssl_max_protocol_version": (_is_none_of(*_TLS_VERSIONS), "Write TLSv1.2 or TLSv1.3"),
    "sslrootcert": (_is("system"), _BUNDLE),
    "channel_binding": (_is("require"), _FULL),
    "gssencmode": (_is("require"), _FULL),
    "requiressl": (_always, "Write sslmode=require"),
    "require_auth": (_always, "Remove it"),
    "sslcertmode": (_is("require"), "Remove it"),
    "sslcrldir": (_always, "Name one file in sslcrl"),
    "pgbouncer": (_is_none_of("true", "false"), "Write pgbouncer=true or pgbouncer=false"),
}
