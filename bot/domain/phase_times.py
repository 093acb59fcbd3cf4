"""How long the phases of a start usually take, from durations of earlier ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from statistics import median

from bot.domain.schemas import Phase
from bot.domain.transitions import ObservedTransition, current_run

LEAST_KNOWN = 5
"""Of fewer durations nothing is said."""
_PERCENTILE = 0.9
_ORDER = [phase.value for phase in Phase]


@dataclass(frozen=True, slots=True)
class UsualTime:
    """Seconds: half of the starts took the median at most, nine in ten the 90th percentile."""

    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class StartTimes:
    """The usual times of a start, on the same GPUs with a model of the same size.

    Attributes:
        phases: By phase; those with too few starts are missing.
        whole: From the start to serving; None with too few starts.
    """

    phases: Mapping[str, UsualTime] = field(default_factory=dict)
    whole: UsualTime | None = None


NOTHING_KNOWN = StartTimes()


def percentile(durations: Sequence[float], share: float = _PERCENTILE) -> float:
    """The nearest-rank percentile of at least one duration."""
    ranked = sorted(durations)
    return ranked[ceil(share * len(ranked)) - 1]


def usual_time(durations: Sequence[float]) -> UsualTime | None:
    """None below five durations."""
    if len(durations) < LEAST_KNOWN:
        return None
    return UsualTime(median(durations), percentile(durations))


def live_around(history: Sequence[ObservedTransition], times: StartTimes) -> datetime | None:
    """When an endpoint that starts usually serves; None if that isn't known.

    Counted from its present phase, so that a slow phase moves it.
    """
    run = current_run(history)
    if not run:
        return None
    phase = run[-1].state.phase
    if phase in _ORDER:
        left = [times.phases.get(one) for one in _ORDER[_ORDER.index(phase) :]]
        known = [one.median for one in left if one is not None]
        if len(known) == len(left):
            return run[-1].observed_at + timedelta(seconds=sum(known))
    if times.whole is None:
        return None
    return run[0].observed_at + timedelta(seconds=times.whole.median)
