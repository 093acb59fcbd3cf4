"""From what the API shows to the transitions worth telling. Pure: no I/O, no clock."""

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
    """What an endpoint is doing, as far as people are told.

    Attributes:
        status: One of the API's statuses, READY folded into RUNNING; or an unknown one as it came.
        phase: The last phase seen under this status; None outside of phases.
        error_code: Why it failed; None unless it failed.
    """

    status: str
    phase: str | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedTransition:
    """A transition with its times: the API's clock where it gave one, and our database's."""

    state: State
    observed_at: datetime
    api_at: datetime | None = None


def observe(
    before: State | None, seen: DedicatedEndpointStatus, *, unknown_lasts: bool = False
) -> State | None:
    """Tell what has changed since the last transition; None if nothing worth telling.

    A phase that is missing doesn't take back the one seen before, nor does a missing error code.
    UNKNOWN says that the API can't tell, which is only worth telling once it lasts.
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
    """Count how often the endpoint fell asleep in the unbroken run of sleeping and waking.

    The run ends at anything that isn't part of it, such as a failure or an update.
    """
    count = 0
    for state in reversed(history):
        if not facts_of(state.status).in_sleep_cycle:
            break
        count += facts_of(state.status).is_at_rest
    return count


def current_run(history: Sequence[ObservedTransition]) -> Sequence[ObservedTransition]:
    """The transitions since the endpoint last began to come up."""
    start = 0
    for index, told in enumerate(history):
        begins = index == 0 or history[index - 1].state.status != told.state.status
        if told.state.status in COMING_UP and begins:
            start = index
    return history[start:]


def seconds_to_serve(history: Sequence[ObservedTransition]) -> float | None:
    """How long the endpoint took to come up, if its newest transition is that it serves.

    None if it only came back to serving, as after an update or a nap that no poll saw the end of.
    """
    run = current_run(history)
    if run[0].state.status not in COMING_UP:
        return None
    served = [told for told in run if told.state.status in SERVING]
    return seconds_between(run[0], run[-1]) if served == [run[-1]] else None


def seconds_between(earlier: ObservedTransition, later: ObservedTransition) -> float:
    """How long passed between two transitions.

    By the API's clock where it moved, since our polls see a change up to one cadence late.
    """
    if earlier.api_at is not None and later.api_at is not None:
        by_api = (later.api_at - earlier.api_at).total_seconds()
        if by_api > 0:
            return by_api
    return max(0.0, (later.observed_at - earlier.observed_at).total_seconds())
