"""The ways in which a call to Friendli's API can fail.

FriendliError
├── NothingMade          the API did nothing, and never will do it for this request
│   ├── MalformedAccess  the key or the team id can't stand in a header; nothing was sent
│   ├── NeverLeft        the request didn't reach the API; it may be repeated
│   └── Refused          the API answered 4xx
│       ├── Unauthorized 401, 403
│       ├── NotFound     404
│       └── RateLimited  429
├── Ambiguous            a request to change something may have been carried out
└── Unavailable          a reading request got no usable answer; nothing was at stake

Reading calls raise Refused or Unavailable, changing calls raise NothingMade or Ambiguous. No
error holds the API key: not in its attributes, its text, or an exception that it was raised from.
"""
# ruff: noqa: N818 - each is named after the outcome, which is what the callers tell apart.

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What the API said of one field of a request that it refused.

    Both come from outside: whoever shows them escapes them.

    Attributes:
        place: The names on the way to the field, as on the wire; empty for the whole request.
        words: At most 200 characters of one line.
    """

    place: Sequence[str]
    words: str


class FriendliError(Exception):
    """A call to Friendli's API failed.

    Attributes:
        operation: The call, by the name of the client's method.
        status: The HTTP status, or None when there was no answer.
        words: The API's own words, at most 500 characters of one line, for people; may be empty.
            They come from outside: whoever shows them escapes them.
        reason: Why there are no such words, for the log; may be empty.
        retry_after: Seconds that the API asked to wait, or None when it named no time.
        fields: What the API said of single fields; at most 20.
    """

    def __init__(
        self,
        operation: str,
        *,
        status: int | None = None,
        words: str = "",
        reason: str = "",
        retry_after: float | None = None,
        fields: Sequence[FieldError] = (),
    ) -> None:
        self.operation = operation
        self.status = status
        self.words = words
        self.reason = reason
        self.retry_after = retry_after
        self.fields = fields
        told = (str(status) if status is not None else "", words, reason)
        super().__init__(f"{operation}: {' '.join(filter(None, told))}")


class NotApplied(FriendliError):
    """The API did nothing, and never will do it for this request."""


class MalformedCredentials(NotApplied):
    """The key or the team id can't stand in a header, so that nothing was sent."""


class NotSent(NotApplied):
    """The request didn't reach the API; it may be repeated."""


class Refused(NotApplied):
    """The API answered 4xx, other than 408 and 425, which say nothing about what was done."""

    status: int


class Unauthorized(Refused):
    """The key is not valid (401), or may not do this (403)."""


class NotFound(Refused):
    """The endpoint or the project doesn't exist for this key (404)."""


class RateLimited(Refused):
    """The API asks for fewer requests (429)."""


class OutcomeUnknown(FriendliError):
    """A request to change something was sent, and nobody can say whether it was carried out."""


class Unavailable(FriendliError):
    """A reading request got no usable answer, however often it was tried."""
