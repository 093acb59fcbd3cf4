"""How long starts usually take, from this database's transitions.

Compared are starts on the same GPUs, of the same model or one of about the same size. The usual
times before a click, those of the status message and the limit after which a phase counts as stuck
all come from here.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.config import Settings
from bot.db.deployment_tables import Deployment, Transition
from bot.domain.instances import GPUS, InstanceOption, by_id
from bot.domain.model_size import is_alike, rough_bytes
from bot.domain.phase_times import StartTimes, usual_time
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, MOVING, SERVING, facts_of, statuses_that
from bot.domain.transitions import ObservedTransition, State, seconds_between

_TIMES_AS_LONG = 3
# Limits for large databases: transitions scanned, phases compared, durations counted.
_NEWEST = 10_000
_LOOKED_THROUGH = 1_000
_COUNTED = 100
# A poll sees the end of a phase up to one interval late.
_POLLS = 2

# The statuses after a phase that went well; others don't count.
_GOES_ON = COMING_UP | SERVING | statuses_that(lambda facts: facts.may_be_woken)

_CACHE = "phase_statistics"


@dataclass(frozen=True, slots=True)
class StartSetup:
    """What decides how long a start takes.

    Attributes:
        gpus: GPU and count of one replica; None if unknown.
        model: None if unknown.
        weights: Its bytes as the Hub tells them; None if unknown.
    """

    gpus: tuple[str, int] | None
    model: str | None
    weights: float | None = None

    @classmethod
    def of(cls, deployment: Deployment) -> "StartSetup":
        request = deployment.request
        gpus = _gpus(request.get("instance_option_id"), deployment.spec)
        facts = deployment.model_facts or {}
        weights = facts.get("weights") if facts.get("repo") == request.get("model") else None
        return cls(gpus, request.get("model"), weights)

    @classmethod
    def planned(
        cls, option: InstanceOption, model: str, weights: float | None = None
    ) -> "StartSetup":
        return cls((option.gpu.name, option.count), model, weights)

    @property
    def size(self) -> float | None:
        if self.weights is not None:
            return self.weights
        return None if self.model is None else rough_bytes(self.model)

    def is_comparable(self, other: "StartSetup") -> bool:
        # A model isn't known of endpoints made elsewhere, which are like each other.
        same = self.model == other.model
        return self.gpus == other.gpus and (same or is_alike(self.size, other.size))


@dataclass(frozen=True, slots=True)
class _Step:
    """A phase, or a whole status, that went well."""

    deployment_id: int
    sequence: int
    began: ObservedTransition
    ended: ObservedTransition

    @property
    def seconds(self) -> float:
        return seconds_between(self.began, self.ended)


async def start_times(
    session: AsyncSession, what: StartSetup, status: str = Status.INITIALIZING.value
) -> StartTimes:
    """The usual times of a start, or of waking."""
    steps = await _steps(session, what, status)
    by_phase: dict[str, list[float]] = defaultdict(list)
    for step in steps:
        if step.began.state.phase is not None:
            by_phase[step.began.state.phase].append(step.seconds)
    phases = {
        phase: usual
        for phase, durations in by_phase.items()
        if (usual := usual_time(durations[:_COUNTED])) is not None
    }
    return StartTimes(phases, usual_time(_wholes(steps)[:_COUNTED]))


def _wholes(steps: Sequence[_Step]) -> list[float]:
    """Seconds from the start to serving, of each start of which all steps are known."""
    by_place = {(step.deployment_id, step.sequence): step for step in steps}
    wholes = []
    for step in steps:
        if step.ended.state.status not in SERVING:
            continue
        first = step
        while before := by_place.get((first.deployment_id, first.sequence - 1)):
            first = before
        wholes.append(seconds_between(first.began, step.ended))
    return wholes


async def durations(session: AsyncSession, deployment: Deployment, state: State) -> list[float]:
    """Seconds that a phase took in comparable starts, newest first."""
    steps = await _steps(session, StartSetup.of(deployment), state.status)
    return [step.seconds for step in steps if step.began.state.phase == state.phase][:_COUNTED]


async def _steps(session: AsyncSession, what: StartSetup, status: str) -> list[_Step]:
    """The phases of a status that went well in comparable starts, newest first.

    Read once in a transaction.
    """
    cache: dict[tuple[StartSetup, str], list[_Step]] = session.info.setdefault(_CACHE, {})
    if (what, status) not in cache:
        cache[what, status] = [] if what.gpus is None else await _read(session, what, status)
    return cache[what, status]


async def _read(session: AsyncSession, what: StartSetup, status: str) -> list[_Step]:
    began, ended = aliased(Transition), aliased(Transition)
    newest = select(func.max(Transition.id)).scalar_subquery()
    rows = await session.execute(
        select(
            began.deployment_id,
            began.sequence,
            began.phase,
            began.observed_at,
            began.api_updated_at,
            ended.status,
            ended.phase,
            ended.observed_at,
            ended.api_updated_at,
            Deployment.request["instance_option_id"].as_string(),
            Deployment.request["model"].as_string(),
            # Not as an integer, which has 32 bits in PostgreSQL.
            Deployment.model_facts["weights"].as_string(),
            Deployment.spec,
        )
        .join(
            ended,
            (ended.deployment_id == began.deployment_id) & (ended.sequence == began.sequence + 1),
        )
        .join(Deployment, Deployment.id == began.deployment_id)
        .where(
            began.id > newest - _NEWEST,
            began.status == status,
            ended.status.in_(facts_of(status).ends_in or _GOES_ON),
        )
        .order_by(began.id.desc())
        .limit(_LOOKED_THROUGH)
    )
    return [
        _Step(
            deployment_id,
            sequence,
            ObservedTransition(State(status, phase), first, first_api),
            ObservedTransition(State(then, then_phase), last, last_api),
        )
        for (
            deployment_id,
            sequence,
            phase,
            first,
            first_api,
            then,
            then_phase,
            last,
            last_api,
            option,
            model,
            weights,
            spec,
        ) in rows
        if what.is_comparable(
            StartSetup(_gpus(option, spec), model, float(weights) if weights else None)
        )
    ]


def _gpus(option_id: str | None, spec: dict[str, object] | None) -> tuple[str, int] | None:
    """GPU and count of one replica; None if unknown."""
    if spec is not None:
        parsed = DedicatedEndpointSpec.model_validate(spec)
        if parsed.gpu_type is None or parsed.num_gpu is None:
            return None
        names = [gpu.name for gpu in GPUS if gpu.matches(parsed.gpu_type)]
        return (names[0] if names else parsed.gpu_type), parsed.num_gpu
    option = by_id(option_id or "")
    return None if option is None else (option.gpu.name, option.count)


def suspicious_after(known: Sequence[float], settings: Settings) -> float:
    """Seconds after which a phase lasts suspiciously long, given durations of the same phase."""
    usual = usual_time(known)
    if usual is None:
        return settings.stuck_after
    return max(_TIMES_AS_LONG * usual.p90, _POLLS * settings.poll_seconds_transitional)


async def stuck_after(
    session: AsyncSession, deployment: Deployment, state: State, settings: Settings
) -> timedelta | None:
    """How long a phase may last before it is reported; None for a stable status."""
    if state.status not in MOVING:
        return None
    known = await durations(session, deployment, state)
    return timedelta(seconds=suspicious_after(known, settings))
