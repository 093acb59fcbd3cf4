"""Failures of calls to Friendli's API.

FriendliError
├── NotApplied                the API did nothing, and never will for this request
│   ├── MalformedCredentials  the key or the team id can't be in a header; nothing was sent
│   ├── NotSent               the request didn't reach the API; it may be repeated
│   └── Refused               the API answered 4xx
│       ├── Unauthorized      401, 403
│       ├── NotFound          404
│       └── RateLimited       429
├── OutcomeUnknown            a changing request may have been carried out
└── Unavailable               a reading request got no usable response

Reading calls raise Refused or Unavailable, changing calls raise NotApplied or OutcomeUnknown. No
error holds the API key: not in its attributes, its text, or its cause.
"""
# ruff: noqa: N818 - each is named after the outcome, which is what the callers tell apart.

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusedField:
    """The API's message about one field of a refused request: outside text, escape it.

    Attributes:
        place: The path to the field, as on the wire; empty for the whole request.
        message: At most 200 characters of one line.
    """

    place: Sequence[str]
    message: str


class FriendliError(Exception):
    """A call to Friendli's API failed.

    Attributes:
        message: The API's message, at most 500 characters of one line; may be empty. Outside
            text: escape it.
        retry_after: Seconds that the API asked to wait; None without a time.
    """

    def __init__(
        self,
        operation: str,
        *,
        status: int | None = None,
        message: str = "",
        reason: str = "",
        retry_after: float | None = None,
        fields: Sequence[RefusedField] = (),
    ) -> None:
        self.operation = operation
        self.status = status
        self.message = message
        self.reason = reason
        self.retry_after = retry_after
        self.fields = fields
        parts = (str(status) if status is not None else "", message, reason)
        super().__init__(f"{operation}: {' '.join(filter(None, parts))}")


class NotApplied(FriendliError):
    """The API did nothing, and never will for this request."""


class MalformedCredentials(NotApplied):
    """The key or the team id can't be in a header; nothing was sent."""


class NotSent(NotApplied):
    """The request didn't reach the API; it may be repeated."""


class Refused(NotApplied):
    """The API answered 4xx, except 408 and 425, which leave the outcome open."""

    status: int


class Unauthorized(Refused):
    """The key is invalid (401) or lacks the permission (403)."""


class NotFound(Refused):
    """The endpoint or the project doesn't exist for this key (404)."""


class RateLimited(Refused):
    """The API asks for fewer requests (429)."""


class OutcomeUnknown(FriendliError):
    """A changing request was sent, and its outcome is unknown."""


class Unavailable(FriendliError):
    """A reading request got no usable response after all attempts."""
