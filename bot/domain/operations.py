"""Operations on an endpoint: what can be done, why, and how far it is."""

from enum import StrEnum


class OperationKind(StrEnum):
    """What can be done with an endpoint."""

    SLEEP = "sleep"
    WAKE = "wake"
    RESTART = "restart"
    TERMINATE = "terminate"
    DELETE = "delete"
    UPDATE = "update"
    EXTEND = "extend"
    """Move its end; nothing is sent to Friendli."""
    KEEP = "keep"
    """Take its end away; nothing is sent to Friendli."""


class Cause(StrEnum):
    """What made an operation come about."""

    PERSON = "person"
    LIFETIME = "lifetime"
    SCHEDULE = "schedule"


class OperationState(StrEnum):
    """How far an operation has come."""

    PROPOSED = "proposed"
    """Waits for someone's approval."""
    REQUESTED = "requested"
    """Written down; nothing was sent to Friendli."""
    SENDING = "sending"
    """The request may leave at any moment, or has left."""
    DONE = "done"
    """Friendli has taken it; what follows from it shows in the endpoint's status."""
    REFUSED = "refused"
    """Friendli won't."""
    FAILED = "failed"
    """Friendli couldn't be asked, or its answer got lost and nothing shows that it was done."""
    REJECTED = "rejected"
    """Nobody approved it."""


UNFINISHED = (OperationState.PROPOSED, OperationState.REQUESTED, OperationState.SENDING)


LIFETIME_KINDS = frozenset({OperationKind.EXTEND, OperationKind.KEEP})
