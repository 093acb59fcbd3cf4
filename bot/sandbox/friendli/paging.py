"""Pages of a listing, with opaque cursors."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox.friendli.errors import ApiError

T = TypeVar("T")


class _Cursor(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    scope: str
    after: int


def page(
    items: Sequence[tuple[int, T]], *, cursor: str | None, limit: int, scope: str
) -> tuple[list[T], str | None]:
    """Cut one page out of a listing; returns the items and the next cursor or None.

    Args:
        items: Everything to list, each with a stable, rising number.
        scope: What is listed; a cursor is valid for its own listing only.

    Raises:
        ApiError: 400 for a cursor of another listing.
    """
    after = _decode(cursor, scope) if cursor else None
    rest = [item for item in items if after is None or item[0] > after]
    shown = rest[:limit]
    more = len(rest) > limit
    return [item for _, item in shown], _encode(scope, shown[-1][0]) if more else None


def _encode(scope: str, after: int) -> str:
    cursor = _Cursor(scope=scope, after=after).model_dump_json()
    return base64.urlsafe_b64encode(cursor.encode()).decode()


def _decode(cursor: str, scope: str) -> int:
    try:
        decoded = _Cursor.model_validate_json(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValidationError, ValueError):
        decoded = None
    if decoded is None or decoded.scope != scope:
        raise ApiError(400, "Invalid cursor.")
    return decoded.after
