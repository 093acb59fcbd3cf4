"""What an endpoint shows at any time: pure functions of time."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.sandbox.friendli.instances import Instance
from bot.sandbox.friendli.operations import status_of


@dataclass(frozen=True, slots=True)
class Replicas:
    """What is up while an endpoint serves."""

    count: int
    instance: Instance


@dataclass(frozen=True, slots=True)
class Segment:
    """What an endpoint shows for some time.

    Attributes:
        status: May be one that the API reference doesn't list.
        hold: Seconds of sandbox time until the next segment; None stays for good.
        replicas: What is up in a serving status; None for the endpoint's own.
        scaled: Whether the sandbox's speed shortens `hold`; not so for times that a client set.
    """

    status: str
    phase: str | None = None
    error_code: str | None = None
    hold: float | None = None
    replicas: Replicas | None = None
    scaled: bool = True


@dataclass(frozen=True, slots=True)
class ScheduledSegment:
    """A segment with its start; `replicas` is None if nothing is up."""

    at: datetime
    status: str
    phase: str | None
    error_code: str | None
    replicas: Replicas | None
    scaled: bool


class Timeline:
    """The segments of one endpoint, past and future."""

    def __init__(
        self, start: datetime, segments: Iterable[Segment], replicas: Replicas, speed: float = 1.0
    ) -> None:
        self._steps: list[ScheduledSegment] = []
        self.replan(start, segments, replicas, speed)

    def at(self, moment: datetime) -> ScheduledSegment:
        """The current segment; before the first one, the first one."""
        return self._steps[max(self._count_begun(moment) - 1, 0)]

    def next_after(self, moment: datetime) -> datetime | None:
        begun = self._count_begun(moment)
        return self._steps[begun].at if begun < len(self._steps) else None

    def replan(
        self,
        moment: datetime,
        segments: Iterable[Segment],
        replicas: Replicas,
        speed: float = 1.0,
    ) -> None:
        """Replace what comes after `moment` by these segments, so many times as fast.

        A first segment that shows the same as the current one extends it.
        """
        del self._steps[self._count_begun(moment) :]
        for leg in segments:
            up = (leg.replicas or replicas) if status_of(leg.status).is_billed else None
            step = ScheduledSegment(moment, leg.status, leg.phase, leg.error_code, up, leg.scaled)
            if not self._steps or _shown(self._steps[-1]) != _shown(step):
                self._steps.append(step)
            if leg.hold is None:
                break
            moment += timedelta(seconds=leg.hold / (speed if leg.scaled else 1.0))

    def rescale(self, now: datetime, factor: float) -> None:
        """Let what is left of each scaled segment last `factor` times as long."""
        begun = self._count_begun(now)
        before, old = now, now
        for index in range(max(begun, 1), len(self._steps)):
            step = self._steps[index]
            left = (step.at - old) * (factor if self._steps[index - 1].scaled else 1.0)
            before, old = before + left, step.at
            self._steps[index] = replace(step, at=before)

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[Replicas, float]]:
        """Yield what was up and for how many seconds, per serving segment in [start, end)."""
        for index, step in enumerate(self._steps):
            last = index + 1 == len(self._steps)
            until = end if last else min(end, self._steps[index + 1].at)
            seconds = (until - max(start, step.at)).total_seconds()
            if step.replicas is not None and seconds > 0:
                yield step.replicas, seconds

    def _count_begun(self, moment: datetime) -> int:
        return bisect_right(self._steps, moment, key=lambda step: step.at)


def _shown(step: ScheduledSegment) -> tuple[str, str | None, str | None, Replicas | None]:
    return step.status, step.phase, step.error_code, step.replicas
