"""Words for an endpoint's lifetime and its expiry action."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.policy import ExpiryAction
from bot.messages.markup import duration, moment

_THEN: Mapping[str, str] = {
    ExpiryAction.TERMINATE: "then it is terminated",
    ExpiryAction.SLEEP: "then it is put to sleep, until any request wakes it",
}


def then(end: str | None) -> str:
    return _THEN.get(end or "", _THEN[ExpiryAction.TERMINATE])


def planned(seconds: int, end: str | None) -> str:
    return f"It runs for {duration(seconds)} from when it is made, {then(end)}."


def until(ends_at: datetime, end: str | None) -> str:
    """Completes "it runs …"."""
    return f"until {moment(ends_at)}, {then(end)}"
