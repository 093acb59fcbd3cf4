"""The usual timelines: starting, waking, updating, going to sleep, terminating."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.friendli.timeline import Replicas, Segment

REQUESTING = "REQUESTING_VIRTUAL_MACHINE"
DOWNLOADING = "DOWNLOADING_MODEL"
ENGINE = "ENGINE_INITIALIZING"

FAILING_PHASES = {
    "WORKLOAD_INIT_UNKNOWN_ERROR": REQUESTING,
    "WORKLOAD_INIT_SETTINGS_ERROR": REQUESTING,
    "WORKLOAD_INIT_GRPC_ERROR": REQUESTING,
    "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR": DOWNLOADING,
    "WORKLOAD_INIT_MANIFEST_TYPE_ERROR": DOWNLOADING,
    "WORKLOAD_INIT_DOWNLOAD_ERROR": DOWNLOADING,
    "WORKLOAD_INIT_INVALID_TOKEN_ERROR": DOWNLOADING,
    "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR": DOWNLOADING,
    "WORKLOAD_INIT_HF_WANDB_API_ERROR": DOWNLOADING,
    "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR": DOWNLOADING,
    "INFERENCE_ENGINE_UNKNOWN_ERROR": ENGINE,
    "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR": ENGINE,
    "INFERENCE_ENGINE_MEMORY_ERROR": ENGINE,
    "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR": ENGINE,
}
"""Every documented error code, with the phase in which the sandbox raises it."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Durations of transitions, in seconds of sandbox time.

    Attributes:
        waking_factor: Waking takes this part of a start.
    """

    requesting_virtual_machine: float = 48
    downloading_model: float = 80
    engine_initializing: float = 120
    waking_factor: float = 0.5
    updating: float = 180
    stopping: float = 10
    terminating: float = 20

    def of_phase(self, phase: str | None) -> float:
        """The seconds of a phase; of the whole start if None."""
        phases = {
            REQUESTING: self.requesting_virtual_machine,
            DOWNLOADING: self.downloading_model,
            ENGINE: self.engine_initializing,
        }
        return sum(phases.values()) if phase is None else phases[phase]


@dataclass(frozen=True, slots=True)
class StartPhase:
    """A phase of a start; None for the usual status and duration."""

    phase: str | None
    status: str | None = None
    hold: float | None = None


USUAL_PHASES = (StartPhase(REQUESTING), StartPhase(DOWNLOADING), StartPhase(ENGINE))


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a model name makes happen.

    Attributes:
        error_code: If set, a start fails with it.
        fails_once: Whether only the first start fails.
        duration_factor: Scales all durations of a start.
        afterwards: The timeline once up, instead of staying so.
    """

    description: str
    phases: tuple[StartPhase, ...] = USUAL_PHASES
    error_code: str | None = None
    fails_once: bool = False
    duration_factor: float = 1.0
    serving: str = "RUNNING"
    afterwards: tuple[Segment, ...] = ()


def starting(
    scenario: Scenario,
    durations: Durations,
    *,
    status: str,
    error_code: str | None,
    cooldown: int | None,
) -> list[Segment]:
    """The timeline of a start, until the endpoint is up or has failed.

    Args:
        status: INITIALIZING or AWAKING.
        error_code: If not None, the start fails with it, halfway through its phase.
        cooldown: Seconds without inference until it goes to sleep; None if it never does.
    """
    duration_factor = scenario.duration_factor * (
        durations.waking_factor if status == "AWAKING" else 1
    )
    segments: list[Segment] = []
    for stop in scenario.phases:
        hold = duration_factor * (
            durations.of_phase(stop.phase) if stop.hold is None else stop.hold
        )
        fails = error_code is not None and FAILING_PHASES.get(error_code, ENGINE) == stop.phase
        segments.append(
            Segment(stop.status or status, stop.phase, hold=hold / 2 if fails else hold)
        )
        if fails:
            break
    if error_code is not None:
        return [*segments, Segment("FAILED", error_code=error_code)]
    return [*segments, *up(scenario, durations, cooldown)]


def up(scenario: Scenario, durations: Durations, cooldown: int | None) -> Sequence[Segment]:
    if scenario.afterwards:
        return scenario.afterwards
    if cooldown is None:
        return [Segment(scenario.serving)]
    return idling(scenario.serving, durations, cooldown)


def idling(status: str, durations: Durations, cooldown: int) -> list[Segment]:
    return [
        Segment(status, hold=cooldown, scaled=False),
        Segment("STOPPING", hold=durations.stopping),
        Segment("SLEEPING"),
    ]


def updating(
    scenario: Scenario,
    durations: Durations,
    *,
    old: Replicas,
    error_code: str | None,
    cooldown: int | None,
) -> list[Segment]:
    rollout = Segment("UPDATING", hold=durations.updating * scenario.duration_factor, replicas=old)
    if error_code is not None:
        return [rollout, Segment("FAILED", error_code=error_code)]
    return [rollout, *up(scenario, durations, cooldown)]


def terminating(durations: Durations, status: str) -> list[Segment]:
    return [Segment(status, hold=durations.terminating), Segment("TERMINATED")]
