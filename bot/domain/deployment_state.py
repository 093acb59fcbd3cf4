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
    """The create request's fate is unknown; looking for what it made."""
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


# A name is taken while a deployment of it may still have, or get, an endpoint.
NAME_IS_TAKEN_IN = (
    DeploymentState.PROPOSED,
    DeploymentState.REQUESTED,
    DeploymentState.SENDING,
    DeploymentState.CREATED,
    DeploymentState.OUTCOME_UNKNOWN,
    DeploymentState.AMBIGUOUS,
    DeploymentState.LIVE,
)
