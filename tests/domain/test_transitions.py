"""What the API shows, folded into the transitions that a thread tells."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schemas import (
    DedicatedEndpointStatus,
    InferenceDeploymentErrorCode,
    InferenceDeploymentStatus,
    Phase,
)
from bot.domain.transitions import (
    ObservedTransition,
    State,
    current_run,
    cycles,
    observe,
    seconds_between,
    seconds_to_serve,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

statuses = st.builds(
    DedicatedEndpointStatus,
    status=st.sampled_from([*InferenceDeploymentStatus, "BRAND_NEW"]),
    phase=st.sampled_from([None, *Phase, "WARMING_UP"]),
    error_code=st.sampled_from([None, *InferenceDeploymentErrorCode, "NEW_ERROR"]),
    created_at=st.just(NOON),
)


def seen(
    status: str, phase: str | None = None, error_code: str | None = None
) -> DedicatedEndpointStatus:
    return DedicatedEndpointStatus(
        status=status, phase=phase, error_code=error_code, created_at=NOON
    )


def fold(shown: list[DedicatedEndpointStatus]) -> list[State]:
    told: list[State] = []
    for status in shown:
        state = observe(told[-1] if told else None, status)
        if state is not None:
            told.append(state)
    return told


@given(st.lists(statuses, max_size=30))
def test_no_state_is_told_twice_in_a_row(shown: list[DedicatedEndpointStatus]) -> None:
    """Whatever the API shows, two transitions that follow each other differ."""
    told = fold(shown)
    assert all(before != after for before, after in pairwise(told))


@given(st.lists(statuses, max_size=30))
def test_every_status_is_told_in_the_order_it_came(shown: list[DedicatedEndpointStatus]) -> None:
    """The statuses told are exactly those shown, repeats folded and UNKNOWN left out."""
    expected: list[str] = []
    for status in shown:
        name = str(status.status)
        name = "RUNNING" if name == "READY" else name
        if name != "UNKNOWN" and (not expected or expected[-1] != name):
            expected.append(name)
    told: list[str] = []
    for state in fold(shown):
        if not told or told[-1] != state.status:
            told.append(state.status)
    assert told == expected


@given(st.lists(statuses, max_size=30))
def test_the_last_state_told_is_what_the_api_shows(shown: list[DedicatedEndpointStatus]) -> None:
    """After any sequence the thread ends on the newest status that says something."""
    telling = [status for status in shown if status.status != InferenceDeploymentStatus.UNKNOWN]
    told = fold(shown)
    assert bool(told) == bool(telling)
    if telling:
        newest = str(telling[-1].status)
        assert told[-1].status == ("RUNNING" if newest == "READY" else newest)


@given(st.lists(statuses, max_size=15))
def test_showing_the_same_again_tells_nothing(shown: list[DedicatedEndpointStatus]) -> None:
    """Polling twice as often changes nothing about what is told."""
    assert fold([status for status in shown for _ in range(2)]) == fold(shown)


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        pytest.param(
            [seen("INITIALIZING"), seen("INITIALIZING", "DOWNLOADING_MODEL")],
            [State("INITIALIZING"), State("INITIALIZING", "DOWNLOADING_MODEL")],
            id="a phase that comes later than its status",
        ),
        pytest.param(
            [seen("INITIALIZING", "DOWNLOADING_MODEL"), seen("INITIALIZING")],
            [State("INITIALIZING", "DOWNLOADING_MODEL")],
            id="a phase that goes missing",
        ),
        pytest.param(
            [
                seen("INITIALIZING", "ENGINE_INITIALIZING"),
                seen("INITIALIZING", "DOWNLOADING_MODEL"),
            ],
            [
                State("INITIALIZING", "ENGINE_INITIALIZING"),
                State("INITIALIZING", "DOWNLOADING_MODEL"),
            ],
            id="a phase that goes back is told as it came",
        ),
        pytest.param([seen("READY"), seen("RUNNING")], [State("RUNNING")], id="ready is running"),
        pytest.param(
            [seen("RUNNING", "ENGINE_INITIALIZING")],
            [State("RUNNING")],
            id="a phase that lingers while it serves",
        ),
        pytest.param(
            [seen("FAILED"), seen("FAILED", None, "NEW_ERROR"), seen("FAILED")],
            [State("FAILED"), State("FAILED", None, "NEW_ERROR")],
            id="an error code that comes later, and goes",
        ),
        pytest.param(
            [seen("FAILED", None, "NEW_ERROR"), seen("RUNNING", None, "NEW_ERROR")],
            [State("FAILED", None, "NEW_ERROR"), State("RUNNING")],
            id="an error code that is still shown once it serves",
        ),
        pytest.param(
            [seen("RUNNING"), seen("UNKNOWN"), seen("RUNNING")],
            [State("RUNNING")],
            id="an unknown moment",
        ),
        pytest.param(
            [seen("HIBERNATING", "DREAMING")],
            [State("HIBERNATING", "DREAMING")],
            id="a status nobody knows is told as it came",
        ),
    ],
)
def test_what_is_told(shown: list[DedicatedEndpointStatus], told: list[State]) -> None:
    """Each oddity of the API has one reading."""
    assert fold(shown) == told


def test_unknown_is_told_once_it_lasts() -> None:
    """An API that can't say for long is worth a message, once."""
    unknown = observe(State("RUNNING"), seen("UNKNOWN"), unknown_lasts=True)
    assert unknown == State("UNKNOWN")
    assert observe(unknown, seen("UNKNOWN"), unknown_lasts=True) is None


def test_sleeping_and_waking_counts_until_something_else_happens() -> None:
    """Cycles are counted back to the last failure or update."""
    history = [State(name) for name in ("SLEEPING", "FAILED", "RUNNING", "SLEEPING", "AWAKING")]
    assert cycles(history) == 1
    assert cycles([*history, State("RUNNING"), State("SLEEPING")]) == 2
    assert cycles([*history, State("UPDATING")]) == 0


def told_at(status: str, seconds: float, api: float | None = None) -> ObservedTransition:
    moment = NOON + timedelta(seconds=seconds)
    return ObservedTransition(
        State(status), moment, None if api is None else NOON + timedelta(seconds=api)
    )


def test_the_current_run_begins_where_the_endpoint_last_came_up() -> None:
    """What came before a restart or a wake-up is another run."""
    history = [
        told_at("INITIALIZING", 0),
        told_at("FAILED", 1),
        told_at("INITIALIZING", 2),
        told_at("RUNNING", 3),
    ]
    assert current_run(history) == history[2:]


def test_how_long_it_took_to_serve_is_known_only_of_what_came_up() -> None:
    """One that serves again after an update or an unseen nap took no time to come up."""
    up = [told_at("INITIALIZING", 0), told_at("RUNNING", 90)]
    assert seconds_to_serve(up) == 90
    assert seconds_to_serve([told_at("UPDATING", 0), told_at("RUNNING", 90)]) is None
    assert seconds_to_serve([*up, told_at("UPDATING", 100), told_at("RUNNING", 200)]) is None


def test_durations_go_by_the_apis_clock_where_it_moves() -> None:
    """Polls see a change late; the API's own times don't, unless it doesn't keep them."""
    assert seconds_between(told_at("A", 0, api=0), told_at("B", 5, api=3)) == 3
    assert seconds_between(told_at("A", 0, api=7), told_at("B", 5, api=7)) == 5
    assert seconds_between(told_at("A", 0), told_at("B", 5, api=3)) == 5
