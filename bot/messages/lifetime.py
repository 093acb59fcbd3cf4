"""Words for an endpoint's lifetime and its expiry action."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.policy import ExpiryAction
from bot.messages.markup import duration, moment

_THEN: Mapping[str, str] = {
    ExpiryAction.TERMINATE: "then it terminates",
    ExpiryAction.SLEEP: "then it sleeps (wakes on request)",
}


def then(end: str | None) -> str:
    return _THEN.get(end or "", _THEN[ExpiryAction.TERMINATE])


def planned(seconds: int, end: str | None) -> str:
    return f"Lifetime {duration(seconds)} from creation, {then(end)}."


def until(ends_at: datetime, end: str | None) -> str:
    """Completes "it …", such as "sleeps today at 18:00 (wakes on request)"."""
    if end == ExpiryAction.SLEEP:
        return f"{moment(ends_at, lead='sleeps ')} (wakes on request)"
    return moment(ends_at, lead="terminates ")
