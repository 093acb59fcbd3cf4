"""What people call an endpoint's statuses and phases, and what kind of status each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.schemas import Phase
from bot.domain.transitions import ENDED


class Kind(StrEnum):
    """What a status means for whoever waits for the endpoint, or pays for it."""

    MOVING = "moving"
    """On its way to another status."""
    SERVING = "serving"
    """At least one replica serves, and is billed."""
    RESTING = "resting"
    """Its GPUs are freed; any request wakes it."""
    ENDED = "ended"
    """Failed or gone; it moves again only when somebody restarts it."""
    UNKNOWN = "unknown"
    """The API can't say, or says what this bot doesn't know."""


@dataclass(frozen=True, slots=True)
class StatusWords:
    """A status for people.

    Attributes:
        name: Completes "the endpoint is …".
        kind: What kind of status it is.
    """

    name: str
    kind: Kind


STATUSES: Mapping[str, StatusWords] = MappingProxyType(
    {
        Status.UNKNOWN: StatusWords("in an unknown state", Kind.UNKNOWN),
        Status.INITIALIZING: StatusWords("starting", Kind.MOVING),
        # One state to people: the API tells READY from RUNNING, and both serve.
        Status.READY: StatusWords("serving", Kind.SERVING),
        Status.RUNNING: StatusWords("serving", Kind.SERVING),
        Status.UPDATING: StatusWords("updating", Kind.MOVING),
        Status.SLEEPING: StatusWords("sleeping", Kind.RESTING),
        Status.AWAKING: StatusWords("waking up", Kind.MOVING),
        Status.STOPPING: StatusWords("stopping", Kind.MOVING),
        Status.TERMINATING: StatusWords("terminating", Kind.MOVING),
        Status.TERMINATED: StatusWords("terminated", Kind.ENDED),
        Status.FAILED: StatusWords("failed", Kind.ENDED),
    }
)


@dataclass(frozen=True, slots=True)
class PhaseWords:
    """A phase for people.

    Attributes:
        task: The task's title in a plan, such as "Download the model".
        progress: A sentence's worth while it runs, such as "Downloading the model".
        done: A sentence's worth once it is over, such as "Model downloaded".
        during: Completes "it failed while …", such as "downloading the model".
    """

    task: str
    progress: str
    done: str
    during: str


# In the order in which an endpoint goes through them.
PHASES: Mapping[str, PhaseWords] = MappingProxyType(
    {
        Phase.REQUESTING_VIRTUAL_MACHINE: PhaseWords(
            "Get a GPU machine",
            "Getting a GPU machine",
            "A GPU machine is ready",
            "getting a GPU machine",
        ),
        Phase.DOWNLOADING_MODEL: PhaseWords(
            "Download the model",
            "Downloading the model",
            "Model downloaded",
            "downloading the model",
        ),
        Phase.ENGINE_INITIALIZING: PhaseWords(
            "Start the engine",
            "Starting the engine",
            "Engine started",
            "starting the engine",
        ),
    }
)


def status_words(status: Status | str) -> StatusWords:
    """Return what people call a status; one that isn't known is called as it came, unescaped."""
    return STATUSES.get(status) or StatusWords(status, Kind.UNKNOWN)


def phase_words(phase: Phase | str) -> PhaseWords:
    """Return what people call a phase; one that isn't known is called as it came, unescaped."""
    return PHASES.get(phase) or PhaseWords(
        phase, f"In phase {phase}", f"{phase} is over", f"in phase {phase}"
    )


AT_REST = ENDED | {Status.SLEEPING.value}


GOING_DOWN = frozenset({Status.STOPPING.value, Status.TERMINATING.value})
