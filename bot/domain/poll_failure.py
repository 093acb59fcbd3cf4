"""Why a project can't be listed."""

from enum import StrEnum

from bot.domain.friendli_errors import FriendliError, NotFound, Unauthorized


class PollFailure(StrEnum):
    """The cause of a failed list request."""

    OUTAGE = "outage"
    KEY_REFUSED = "key_refused"
    KEY_UNREADABLE = "key_unreadable"
    KEY_MISMATCHED = "key_mismatched"
    """The stored key isn't the one that was connected."""
    PROJECT_LOST = "project_lost"


def poll_failure_of(error: FriendliError | TimeoutError) -> PollFailure:
    match error:
        case Unauthorized():
            return PollFailure.KEY_REFUSED
        case NotFound():
            return PollFailure.PROJECT_LOST
        case _:
            return PollFailure.OUTAGE
