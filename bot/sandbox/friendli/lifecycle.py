"""The usual ways of an endpoint: starting, waking, updating, going to sleep, terminating."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.friendli.timeline import Leg, Replicas

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
"""Every documented error code, with the phase in which it strikes here."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long things take, in seconds of sandbox time.

    Attributes:
        requesting_virtual_machine: The first phase of a start.
        downloading_model: The second phase.
        engine_initializing: The third phase.
        awaking_pace: The part of these that waking from sleep takes.
        updating: Rolling out a new version.
        stopping: Going to sleep after the cool-down.
        terminating: Going down for good.
    """

    requesting_virtual_machine: float = 48
    downloading_model: float = 80
    engine_initializing: float = 120
    awaking_pace: float = 0.5
    updating: float = 180
    stopping: float = 10
    terminating: float = 20

    def of_phase(self, phase: str | None) -> float:
        """Return the seconds of a phase of a start; without a phase, those of the whole start."""
        phases = {
            REQUESTING: self.requesting_virtual_machine,
            DOWNLOADING: self.downloading_model,
            ENGINE: self.engine_initializing,
        }
        return sum(phases.values()) if phase is None else phases[phase]


@dataclass(frozen=True, slots=True)
class Stop:
    """A part of a start.

    Attributes:
        phase: The phase to show.
        status: The status to show; None for the usual one.
        hold: Seconds of sandbox time; None for the usual ones.
    """

    phase: str | None
    status: str | None = None
    hold: float | None = None


USUAL_STOPS = (Stop(REQUESTING), Stop(DOWNLOADING), Stop(ENGINE))


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a model name makes happen.

    Attributes:
        description: For people who choose a name.
        stops: The parts of a start, in order.
        error_code: If set, a start fails with it.
        heals: Whether that goes for the first start only.
        pace: A factor on all durations of a start.
        serving: The status to show once up.
        afterwards: What follows when it is up, instead of staying so.
    """

    description: str
    stops: tuple[Stop, ...] = USUAL_STOPS
    error_code: str | None = None
    heals: bool = False
    pace: float = 1.0
    serving: str = "RUNNING"
    afterwards: tuple[Leg, ...] = ()


def starting(
    scenario: Scenario,
    durations: Durations,
    *,
    status: str,
    error_code: str | None,
    cooldown: int | None,
) -> list[Leg]:
    """Lay out a start until the endpoint is up, or has failed.

    Args:
        scenario: What the model name asks for.
        durations: How long things take.
        status: INITIALIZING or AWAKING.
        error_code: If not None, the start fails with it, halfway through the fitting phase.
        cooldown: Seconds without inference until it goes to sleep; None if it never does.
    """
    pace = scenario.pace * (durations.awaking_pace if status == "AWAKING" else 1)
    legs: list[Leg] = []
    for stop in scenario.stops:
        hold = pace * (durations.of_phase(stop.phase) if stop.hold is None else stop.hold)
        fails = error_code is not None and FAILING_PHASES.get(error_code, ENGINE) == stop.phase
        legs.append(Leg(stop.status or status, stop.phase, hold=hold / 2 if fails else hold))
        if fails:
            break
    if error_code is not None:
        return [*legs, Leg("FAILED", error_code=error_code)]
    return [*legs, *up(scenario, durations, cooldown)]


def up(scenario: Scenario, durations: Durations, cooldown: int | None) -> Sequence[Leg]:
    """Lay out what follows once an endpoint is up."""
    if scenario.afterwards:
        return scenario.afterwards
    if cooldown is None:
        return [Leg(scenario.serving)]
    return idling(scenario.serving, durations, cooldown)


def idling(status: str, durations: Durations, cooldown: int) -> list[Leg]:
    """Lay out the way to sleep of an endpoint that gets no inference requests."""
    return [
        Leg(status, hold=cooldown),
        Leg("STOPPING", hold=durations.stopping),
        Leg("SLEEPING"),
    ]


def updating(
    scenario: Scenario,
    durations: Durations,
    *,
    old: Replicas,
    error_code: str | None,
    cooldown: int | None,
) -> list[Leg]:
    """Lay out the roll-out of a new version, while the old one serves."""
    rollout = Leg("UPDATING", hold=durations.updating * scenario.pace, replicas=old)
    if error_code is not None:
        return [rollout, Leg("FAILED", error_code=error_code)]
    return [rollout, *up(scenario, durations, cooldown)]


def terminating(durations: Durations) -> list[Leg]:
    """Lay out going down for good."""
    return [Leg("TERMINATING", hold=durations.terminating), Leg("TERMINATED")]
