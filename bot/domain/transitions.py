"""Derives the transitions that are posted from what the API shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.schemas import DedicatedEndpointStatus
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, SERVING, facts_of

# READY and RUNNING are one state to people.
_SAME_STATUS = {Status.READY.value: Status.RUNNING.value}


@dataclass(frozen=True, slots=True)
class State:
    """An endpoint's state, as people see it.

    Attributes:
        status: READY is folded into RUNNING; an unknown status is as it came.
        phase: The last phase shown in this status.
        error_code: Why it failed.
    """

    status: str
    phase: str | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedTransition:
    """A transition, by the API's clock where it gives a time, and by the database's."""

    state: State
    observed_at: datetime
    api_at: datetime | None = None


def observe(
    before: State | None, seen: DedicatedEndpointStatus, *, unknown_lasts: bool = False
) -> State | None:
    """Return the new state; None if it isn't a transition.

    A missing phase or error code doesn't replace one shown before. UNKNOWN counts once it lasts.
    """
    status = str(seen.status)
    status = _SAME_STATUS.get(status, status)
    if status == Status.UNKNOWN and not unknown_lasts:
        return None
    same = before is not None and before.status == status
    phase = str(seen.phase) if seen.phase is not None else None
    error_code = str(seen.error_code) if seen.error_code is not None else None
    if not facts_of(status).has_phases:
        phase = None
    elif phase is None and same and before is not None:
        phase = before.phase
    if not facts_of(status).has_error_code:
        error_code = None
    elif error_code is None and same and before is not None:
        error_code = before.error_code
    state = State(status, phase, error_code)
    return None if state == before else state


def cycles(history: Sequence[State]) -> int:
    """Count the times asleep in the unbroken run of sleeping and waking."""
    count = 0
    for state in reversed(history):
        if not facts_of(state.status).in_sleep_cycle:
            break
        count += facts_of(state.status).is_at_rest
    return count


def current_run(history: Sequence[ObservedTransition]) -> Sequence[ObservedTransition]:
    """The transitions since the endpoint last began to come up."""
    start = 0
    for index, transition in enumerate(history):
        begins = index == 0 or history[index - 1].state.status != transition.state.status
        if transition.state.status in COMING_UP and begins:
            start = index
    return history[start:]


def seconds_to_serve(history: Sequence[ObservedTransition]) -> float | None:
    """How long it took to come up, if the newest transition is that it serves.

    None if it only returned to serving, as after an update.
    """
    run = current_run(history)
    if run[0].state.status not in COMING_UP:
        return None
    served = [one for one in run if one.state.status in SERVING]
    return seconds_between(run[0], run[-1]) if served == [run[-1]] else None


def seconds_between(earlier: ObservedTransition, later: ObservedTransition) -> float:
    """By the API's clock if it advanced: polls see a change late."""
    if earlier.api_at is not None and later.api_at is not None:
        by_api = (later.api_at - earlier.api_at).total_seconds()
        if by_api > 0:
            return by_api
    return max(0.0, (later.observed_at - earlier.observed_at).total_seconds())
