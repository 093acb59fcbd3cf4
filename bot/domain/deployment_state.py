"""The states of a deployment."""

from enum import StrEnum


class DeploymentState(StrEnum):
    """How far the creation of a deployment's endpoint has come."""

    PROPOSED = "proposed"
    """Waits for someone's approval; nothing is sent to Friendli before."""
    REJECTED = "rejected"
    """Somebody said no, or nobody said yes in time."""
    REQUESTED = "requested"
    """Written down; nothing was sent to Friendli."""
    SENDING = "sending"
    """The one create request may leave at any moment, or has left."""
    CREATED = "created"
    """Friendli said it was made; which endpoint it is is not known yet."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Whether the create request had an effect is unknown; looking for what it made."""
    AMBIGUOUS = "ambiguous"
    """Several endpoints may be ours; a person chooses."""
    LIVE = "live"
    """The endpoint is known and watched."""
    NOT_CREATED = "not_created"
    """Nothing was found; still looked for, in case it appears late."""
    REFUSED = "refused"
    """Friendli refused, or couldn't be asked; nothing was made."""
    CANCELLED = "cancelled"
    """Cancelled before anything was sent."""
    ENDED = "ended"
    """Over: the endpoint is gone, or nobody looks for it any more."""
    UNWATCHED = "unwatched"
    """The endpoint may run on, and be billed, but nobody watches it from here any more."""


UNSENT = frozenset({DeploymentState.PROPOSED, DeploymentState.REQUESTED})
"""No create request has left."""
UNIDENTIFIED = frozenset(
    {
        DeploymentState.SENDING,
        DeploymentState.CREATED,
        DeploymentState.OUTCOME_UNKNOWN,
        DeploymentState.AMBIGUOUS,
    }
)
"""A create request may have left; which endpoint it made isn't known."""
SEARCHED = UNIDENTIFIED | {DeploymentState.NOT_CREATED}
"""The same, or nothing was found and it is still looked for."""
BEFORE_LIVE = UNSENT | UNIDENTIFIED
"""The endpoint isn't known yet, and may still be."""
IN_CREATION = BEFORE_LIVE - {DeploymentState.PROPOSED, DeploymentState.AMBIGUOUS}
"""Goes on without a person."""
MAY_BE_BILLED = UNIDENTIFIED | {DeploymentState.LIVE}
"""There may be an endpoint that is watched, or looked for."""
WILL_BE_BILLED = MAY_BE_BILLED | {DeploymentState.REQUESTED}
"""The same, or there will be one if nobody acts."""
UNFINISHED = BEFORE_LIVE | {DeploymentState.LIVE}
"""Has, or may get, an endpoint: its name is taken."""
OVER = frozenset(
    {
        DeploymentState.NOT_CREATED,
        DeploymentState.REFUSED,
        DeploymentState.CANCELLED,
        DeploymentState.REJECTED,
        DeploymentState.ENDED,
    }
)
"""There is no endpoint any more, as far as is known."""
CLOSED = OVER | {DeploymentState.UNWATCHED}
"""Nothing can be done with it from here any more."""
NEVER_BILLED = (OVER | UNSENT) - {DeploymentState.ENDED}
"""No endpoint is known to have been made."""
