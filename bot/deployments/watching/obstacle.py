"""What keeps a project from being listed. Pure."""

from enum import StrEnum

from bot.friendli.errors import FriendliError, NotFound, Unauthorized


class Obstacle(StrEnum):
    """What stands in the way of watching a project, or of searching it."""

    OUTAGE = "outage"
    KEY_REFUSED = "key_refused"
    KEY_UNREADABLE = "key_unreadable"
    KEY_MISMATCHED = "key_mismatched"
    """The stored key isn't the one that was connected."""
    PROJECT_LOST = "project_lost"


def obstacle_of(error: FriendliError | TimeoutError) -> Obstacle:
    """What a failed list request means."""
    match error:
        case Unauthorized():
            return Obstacle.KEY_REFUSED
        case NotFound():
            return Obstacle.PROJECT_LOST
        case _:
            return Obstacle.OUTAGE
