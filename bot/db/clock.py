"""The database's clock, one construct for SQLite and PostgreSQL.

Replicas' clocks differ; due times and leases must come from one clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, bindparam, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Moment(TypeDecorator[datetime]):
    """An instant, stored as whole milliseconds since 1970 UTC, read as an aware datetime."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else (value - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        return None if value is None else _EPOCH + value * _MILLISECOND


class milliseconds(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The statement's start, in milliseconds since 1970."""

    # A plain ColumnElement ignores it, and every statement would be compiled again.
    inherit_cache = True
    type = BigInteger()


@compiles(milliseconds, "postgresql")
def _postgresql(_element: milliseconds, _compiler: SQLCompiler, **_kw: object) -> str:
    # clock_timestamp() is volatile: a condition on it can't use the index on due_at.
    return "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)"


@compiles(milliseconds, "sqlite")
def _sqlite(_element: milliseconds, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


class _Milliseconds(TypeDecorator[timedelta]):
    """A duration as a parameter, in whole milliseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn a duration into milliseconds."""
        return None if value is None else round(value / _MILLISECOND)


def now() -> ColumnElement[datetime]:
    return type_coerce(milliseconds(), Moment())


def after(delay: timedelta | float) -> ColumnElement[datetime]:
    """Now plus a delay, as a timedelta or in seconds."""
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    return type_coerce(milliseconds() + literal(round(seconds * 1000), BigInteger), Moment())


def after_parameter(name: str) -> ColumnElement[datetime]:
    """The same of a timedelta that is a parameter of this name; NULL if it is None."""
    return type_coerce(milliseconds() + bindparam(name, type_=_Milliseconds()), Moment())
