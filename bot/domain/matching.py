"""Ranks the endpoints that a create request may have made.

Friendli's create response has no documented endpoint id, the response may be lost, and the API
doesn't specify how it describes endpoints. So no endpoint is filtered out by its description: a new
endpoint that belongs to no other deployment is a candidate, its name decides, and where the name
can't be read, a person does.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.instances import UnlistedInstance
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import LONGEST_NAME
from bot.domain.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus

# The list's createdAt may be rounded, or taken a moment before the response's.
_ANSWER_TOLERANCE = timedelta(seconds=5)
# The clocks of createdAt and Date may differ by this much.
_CLOCK_TOLERANCE = timedelta(minutes=1)
# Within this of the response's createdAt, a rounded time is still the same.
_SAME_MOMENT = timedelta(seconds=1)
# The API may return a name of any length.
_LONGEST = 2 * LONGEST_NAME
# Shorter parts of names match by chance.
_SHORTEST_LIKENESS = 4


@dataclass(frozen=True, slots=True)
class MatchCriteria:
    """What is known of the endpoint that a create request may have made.

    Attributes:
        ids_before: Ids that aren't ours: listed before the request was sent, or ruled out since.
        listed_at: The API's clock at that list; None if it sent no Date header.
        answered_created_at: `createdAt` of the create response; None without one.
        answered_id: The endpoint's id in the create response, which is undocumented.
    """

    request: DeployRequest
    ids_before: Collection[str]
    listed_at: datetime | None
    answered_created_at: datetime | None
    answered_id: str | None = None


@dataclass(frozen=True, slots=True)
class OtherSearch:
    """Another deployment whose endpoint is unknown."""

    name: str
    ids_before: Collection[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A new endpoint; `spec` is None if it couldn't be read."""

    endpoint_id: str
    status: DedicatedEndpointStatus
    spec: DedicatedEndpointSpec | None

    @property
    def name(self) -> str:
        return self.spec.name.strip() if self.spec is not None else ""


@dataclass(frozen=True, slots=True)
class Match:
    """The result of matching.

    Attributes:
        likely: The name can't be read, is like ours, or all but the name fits.
        unlikely: The other unexplained new endpoints.
    """

    ours: Candidate | None = None
    twins: Sequence[Candidate] = ()
    likely: Sequence[Candidate] = ()
    unlikely: Sequence[Candidate] = ()


def new_ids(
    criteria: MatchCriteria, listed: Collection[str], owned_by_others: Collection[str]
) -> list[str]:
    explained = frozenset(criteria.ids_before) | frozenset(owned_by_others)
    return [id_ for id_ in listed if id_ not in explained]


def by_closeness(
    criteria: MatchCriteria, ids: Sequence[str], listed: Mapping[str, DedicatedEndpointStatus]
) -> list[str]:
    about = criteria.answered_created_at or criteria.listed_at

    def distance(id_: str) -> float:
        created_at = listed[id_].created_at
        if id_ == criteria.answered_id:
            return -1.0
        if about is None or created_at is None:
            return 0.0
        return abs((created_at - about).total_seconds())

    return sorted(ids, key=distance)


def match(
    criteria: MatchCriteria, candidates: Sequence[Candidate], others: Sequence[OtherSearch] = ()
) -> Match:
    """Find ours among the new endpoints; `others` take precedence where the name is theirs."""
    for one in candidates:
        if one.endpoint_id == criteria.answered_id:
            return Match(ours=one)
    left = [one for one in candidates if not any(_explains(other, one) for other in others)]
    named = [one for one in left if one.name == criteria.request.name]
    if named:
        narrowed = _narrow(criteria, named)
        return Match(ours=narrowed[0]) if len(narrowed) == 1 else Match(twins=narrowed)
    likely = [one for one in left if _is_likely(criteria, one)]
    return Match(likely=likely, unlikely=[one for one in left if one not in likely])


def _explains(other: OtherSearch, candidate: Candidate) -> bool:
    return candidate.name == other.name and candidate.endpoint_id not in other.ids_before


def _narrow(criteria: MatchCriteria, named: Sequence[Candidate]) -> Sequence[Candidate]:
    """Drop what a criterion contradicts, as long as something is left."""
    tests: tuple[Callable[[MatchCriteria, Candidate], bool], ...] = (
        _contradicts_time,
        _contradicts_gpus,
        _contradicts_scaling,
    )
    for contradicts in tests:
        named = [one for one in named if not contradicts(criteria, one)] or named
    return named


def _is_likely(criteria: MatchCriteria, candidate: Candidate) -> bool:
    if not candidate.name or _are_alike(criteria.request.name, candidate.name):
        return True
    answered, created_at = criteria.answered_created_at, candidate.status.created_at
    if answered is None or created_at is None or abs(created_at - answered) > _SAME_MOMENT:
        return False
    return not (_contradicts_gpus(criteria, candidate) or _contradicts_scaling(criteria, candidate))


def _are_alike(ours: str, theirs: str) -> bool:
    """Whether one name may be derived from the other: other case, signs, or a part of it."""
    one, other = _bare(ours), _bare(theirs)
    shorter = min(one, other, key=len)
    if len(shorter) < _SHORTEST_LIKENESS:
        return one == other
    return one in other or other in one


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name[:_LONGEST]).casefold())


def _contradicts_time(criteria: MatchCriteria, candidate: Candidate) -> bool:
    created_at = candidate.status.created_at
    if created_at is None:
        return False
    if criteria.answered_created_at is not None:
        return abs(created_at - criteria.answered_created_at) > _ANSWER_TOLERANCE
    return criteria.listed_at is not None and created_at < criteria.listed_at - _CLOCK_TOLERANCE


def _contradicts_gpus(criteria: MatchCriteria, candidate: Candidate) -> bool:
    return candidate.spec is not None and differs_in_gpus(criteria.request, candidate.spec)


def _contradicts_scaling(criteria: MatchCriteria, candidate: Candidate) -> bool:
    return candidate.spec is not None and differs_in_replicas(criteria.request, candidate.spec)


def differs_in_gpus(request: DeployRequest, spec: DedicatedEndpointSpec) -> bool:
    """Whether an endpoint shows other GPUs than requested; unknown ones don't count.

    It isn't published whether `numGpu` counts those of one replica or of all.
    """
    option = request.option
    if isinstance(option, UnlistedInstance):
        # Its GPUs are unknown here.
        return False
    counts = {option.count, option.count * (request.replicas or 1)}
    return (spec.gpu_type is not None and not option.gpu.matches(spec.gpu_type)) or (
        spec.num_gpu is not None and spec.num_gpu not in counts
    )


def differs_in_replicas(request: DeployRequest, spec: DedicatedEndpointSpec) -> bool:
    """Whether an endpoint shows other replica bounds than requested, if any were."""
    least, most = request.replica_bounds
    if least is None:
        return False
    return spec.autoscaling_min not in (None, least) or spec.autoscaling_max not in (None, most)
