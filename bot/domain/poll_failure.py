"""What keeps a project from being listed. Pure."""

from enum import StrEnum

from bot.domain.friendli_errors import FriendliError, NotFound, Unauthorized


class PollFailure(StrEnum):
    """What stands in the way of watching a project, or of searching it."""

    OUTAGE = "outage"
    KEY_REFUSED = "key_refused"
    KEY_UNREADABLE = "key_unreadable"
    KEY_MISMATCHED = "key_mismatched"
    """The stored key isn't the one that was connected."""
    PROJECT_LOST = "project_lost"


def obstacle_of(error: FriendliError | TimeoutError) -> PollFailure:
    """What a failed list request means."""
    match error:
        case Unauthorized():
            return PollFailure.KEY_REFUSED
        case NotFound():
            return PollFailure.PROJECT_LOST
        case _:
            return PollFailure.OUTAGE
