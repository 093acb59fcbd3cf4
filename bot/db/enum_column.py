"""A column of enum members, stored as text."""

from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

E = TypeVar("E", bound=StrEnum)


class Enumerated(TypeDecorator[E], Generic[E]):
    """Text that is a member of an enum.

    SQLAlchemy's own type would be a VARCHAR as wide as today's longest word.
    """

    impl = Text
    cache_ok = True

    def __init__(self, enum: type[E]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> E | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        return None if value is None else self.enum(value)
