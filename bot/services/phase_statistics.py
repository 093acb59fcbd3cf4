"""How long a phase usually lasts, from this database's transitions on the same GPUs."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.config import Settings
from bot.db.deployment_tables import Deployment, Transition
from bot.domain.instances import GPUS, by_id
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.statuses import COMING_UP, MOVING, SERVING, facts_of, statuses_that
from bot.domain.transitions import ObservedTransition, State, seconds_between

_LEAST_KNOWN = 10
_PERCENTILE = 0.9
_TIMES_AS_LONG = 3
# Limits for large databases: transitions scanned, phases compared, durations counted.
_NEWEST = 10_000
_LOOKED_THROUGH = 1_000
_COUNTED = 100
# A poll sees the end of a phase up to one interval late.
_POLLS = 2

# The statuses after a phase that went well; others don't count.
_GOES_ON = COMING_UP | SERVING | statuses_that(lambda facts: facts.may_be_woken)


def percentile(durations: Sequence[float], share: float = _PERCENTILE) -> float:
    """The nearest-rank percentile of at least one duration."""
    ranked = sorted(durations)
    return ranked[ceil(share * len(ranked)) - 1]


def suspicious_after(durations: Sequence[float], settings: Settings) -> float:
    """Seconds after which a phase lasts suspiciously long, given durations of the same phase."""
    if len(durations) < _LEAST_KNOWN:
        return settings.stuck_after
    usual = _TIMES_AS_LONG * percentile(durations)
    return max(usual, _POLLS * settings.poll_seconds_transitional)


async def durations(session: AsyncSession, deployment: Deployment, state: State) -> list[float]:
    """Seconds that a phase took on the same GPUs, newest first."""
    gpus = _gpus(deployment.request.get("instance_option_id"), deployment.spec)
    if gpus is None:
        return []
    began, ended = aliased(Transition), aliased(Transition)
    newest = select(func.max(Transition.id)).scalar_subquery()
    rows = await session.execute(
        select(
            began.observed_at,
            began.api_updated_at,
            ended.observed_at,
            ended.api_updated_at,
            Deployment.request["instance_option_id"].as_string(),
            Deployment.spec,
        )
        .join(
            ended,
            (ended.deployment_id == began.deployment_id) & (ended.sequence == began.sequence + 1),
        )
        .join(Deployment, Deployment.id == began.deployment_id)
        .where(
            began.id > newest - _NEWEST,
            began.status == state.status,
            began.phase.is_(None) if state.phase is None else began.phase == state.phase,
            ended.status.in_(facts_of(state.status).ends_in or _GOES_ON),
        )
        .order_by(began.id.desc())
        .limit(_LOOKED_THROUGH)
    )
    known = [
        seconds_between(
            ObservedTransition(state, first, first_api), ObservedTransition(state, then, then_api)
        )
        for first, first_api, then, then_api, option, spec in rows
        if _gpus(option, spec) == gpus
    ]
    return known[:_COUNTED]


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


async def stuck_after(
    session: AsyncSession, deployment: Deployment, state: State, settings: Settings
) -> timedelta | None:
    """How long a phase may last before it is reported; None for a stable status."""
    if state.status not in MOVING:
        return None
    known = await durations(session, deployment, state)
    return timedelta(seconds=suspicious_after(known, settings))
