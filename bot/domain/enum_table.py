"""Tables with one row for each member of an enum."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)
R = TypeVar("R")


class MissingRowError(Exception):
    """A member of an enum has no row in its table."""


def table(enum: type[E], rows: Mapping[E, R]) -> Mapping[str, R]:
    """Return the rows, read-only, also found by a member's plain text.

    Raises:
        MissingRowError: A member has none.
    """
    missing = [member.name for member in enum if member not in rows]
    if missing:
        raise MissingRowError(f"{enum.__name__} has members without a row: {', '.join(missing)}")
    found: dict[str, R] = {member: row for member, row in rows.items()}  # noqa: C416 - widens the key's type
    return MappingProxyType(found)
