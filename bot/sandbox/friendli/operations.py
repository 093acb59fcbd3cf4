"""One row per endpoint status, and one per operation that moves an endpoint between them.

Written from the API reference and not from the bot's own table, so that a mistake there shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

_ENDPOINT = "/dedicated/beta/endpoint/{endpoint_id}"


class Inference(Enum):
    """What an endpoint does with an inference request."""

    ANSWERS = "answers"
    WAKES = "wakes"
    """It begins to wake, and the request fails."""
    NOT_YET = "not yet"
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is true of an endpoint in one status.

    Attributes:
        is_up: All replicas of its newest version are up.
        is_billed: At least one replica is up, and billed.
        wants_replicas: The API shows the replicas that it should have.
        is_starting: It may yet fail.
    """

    is_up: bool = False
    is_billed: bool = False
    wants_replicas: bool = True
    is_starting: bool = False
    inference: Inference = Inference.NOT_YET


_UP = Status(is_up=True, is_billed=True, inference=Inference.ANSWERS)
_STARTING = Status(is_starting=True)
_OVER = Status(wants_replicas=False, inference=Inference.REFUSES)

STATUSES: Mapping[str, Status] = {
    "UNKNOWN": Status(),
    "INITIALIZING": _STARTING,
    "READY": _UP,
    "RUNNING": _UP,
    "UPDATING": Status(is_billed=True, is_starting=True, inference=Inference.ANSWERS),
    "SLEEPING": Status(wants_replicas=False, inference=Inference.WAKES),
    "AWAKING": _STARTING,
    "STOPPING": Status(wants_replicas=False),
    "TERMINATING": _OVER,
    "TERMINATED": _OVER,
    "FAILED": _OVER,
}


def status_of(name: str) -> Status:
    """The row of a status; one that the reference doesn't know has the usual facts."""
    return STATUSES.get(name, Status())


class Effect(Enum):
    STARTS = "starts"
    """It comes up, from the row's status on."""
    SHOWS = "shows"
    """It shows the row's status at once."""
    GOES_DOWN = "goes down"
    """It shows the row's status, and then TERMINATED."""
    VANISHES = "vanishes"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation without a body.

    Attributes:
        name: The API's name for it.
        method: Of HTTP.
        path: With `{endpoint_id}`.
        done: Completes "an endpoint that is … can't be …".
        takes: In which statuses the API takes it.
        effect: What it does then.
        status: What it leads to at first; '' where the endpoint vanishes.
        told: Completes "the bot …", for the sandbox's page.
    """

    name: str
    method: str
    path: str
    done: str
    takes: Callable[[str], bool]
    effect: Effect
    status: str
    told: str


_FAILED_OR_TERMINATED = frozenset({"FAILED", "TERMINATED"})

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "sleep_endpoint",
            "PUT",
            _ENDPOINT + "/sleep",
            "put to sleep",
            lambda status: status_of(status).is_up,
            Effect.SHOWS,
            "SLEEPING",
            "puts an endpoint to sleep",
        ),
        Operation(
            "wake_endpoint",
            "PUT",
            _ENDPOINT + "/wake",
            "woken",
            lambda status: status == "SLEEPING",
            Effect.STARTS,
            "AWAKING",
            "wakes an endpoint",
        ),
        Operation(
            "restart_endpoint",
            "PUT",
            _ENDPOINT + "/restart",
            "restarted",
            lambda status: status in _FAILED_OR_TERMINATED,
            Effect.STARTS,
            "INITIALIZING",
            "restarts an endpoint",
        ),
        Operation(
            "terminate_endpoint",
            "PUT",
            _ENDPOINT + "/terminate",
            "terminated",
            lambda status: status not in ("TERMINATING", "TERMINATED"),
            Effect.GOES_DOWN,
            "TERMINATING",
            "ends an endpoint",
        ),
        Operation(
            "delete_endpoint",
            "DELETE",
            _ENDPOINT,
            "deleted",
            lambda status: status in _FAILED_OR_TERMINATED,
            Effect.VANISHES,
            "",
            "deletes an endpoint",
        ),
    )
}


def can_be_updated(status: str) -> bool:
    """Whether the API takes a new version."""
    return status_of(status).is_up or status == "SLEEPING" or status in _FAILED_OR_TERMINATED
