"""Whether a model fits, by what was seen of it here before.

What was seen goes before what was computed: an engine that served has proved the fit, one that ran
out of memory has disproved it. Each says something about other settings too: what served with a
batch of 64 serves one of 8, and what ran out of memory on two GPUs does so on one.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.fit import Fit, FitResult
from bot.domain.instances import InstanceOption, by_shape


class FitOutcome(StrEnum):
    """How a start of an engine ended."""

    SERVED = "served"
    OUT_OF_MEMORY = "out_of_memory"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The settings that an engine's memory depends on; None where Friendli decides."""

    max_batch_size: int | None = None
    max_input_length: int | None = None
    max_context_length: int | None = None
    max_token_count: int | None = None

    def need_at_most(self, other: "EngineSettings") -> bool:
        """Whether they surely need no more memory; of an unknown value only the same is sure."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return all(
            mine == theirs or (mine is not None and theirs is not None and mine < theirs)
            for mine, theirs in pairs
        )


@dataclass(frozen=True, slots=True)
class FitObservation:
    """One start of a model.

    Attributes:
        revision: As requested; '' for the repo's main branch.
        gpu: Its name, such as "H100".
    """

    revision: str
    gpu: str
    count: int
    settings: EngineSettings
    outcome: FitOutcome
    at: datetime


@dataclass(frozen=True, slots=True)
class FitEvidence:
    """What was seen that decides about an instance option.

    Attributes:
        option: Where it was seen: the option itself, or one with more or fewer of its GPUs.
        times: Starts with this outcome that decide alike.
        last_at: The newest of them.
        is_same_revision: Otherwise of another revision of the same repo.
    """

    outcome: FitOutcome
    option: InstanceOption
    times: int
    last_at: datetime
    is_same_revision: bool = True


@dataclass(frozen=True, slots=True)
class FitVerdict:
    """Whether a model fits: by evidence if there is any, otherwise as computed."""

    fit: Fit
    computed: FitResult | None
    evidence: FitEvidence | None


def judge(
    computed: FitResult | None,
    observations: Sequence[FitObservation],
    *,
    option: InstanceOption,
    revision: str | None,
    settings: EngineSettings,
) -> FitVerdict:
    """Combine what was seen with what was computed, which is None where it couldn't be.

    Args:
        observations: Of the same model in the same workspace, in any order.
    """
    evidence = evidence_for(observations, option=option, revision=revision, settings=settings)
    if evidence is not None:
        served = evidence.outcome is FitOutcome.SERVED
        return FitVerdict(Fit.FITS if served else Fit.TOO_SMALL, computed, evidence)
    return FitVerdict(Fit.UNKNOWN if computed is None else computed.fit, computed, None)


def evidence_for(
    observations: Sequence[FitObservation],
    *,
    option: InstanceOption,
    revision: str | None,
    settings: EngineSettings,
) -> FitEvidence | None:
    """The newest deciding observation, with how often the like was seen; None if none decides.

    Those of the same revision go before those of others.
    """
    deciding = [one for one in observations if _decides(one, option, settings)]
    same = [one for one in deciding if one.revision == (revision or "")]
    considered = same or deciding
    if not considered:
        return None
    newest = max(considered, key=lambda one: one.at)
    seen_on = by_shape(newest.gpu, newest.count)
    if seen_on is None:
        return None
    alike = [
        one for one in considered if (one.outcome, one.count) == (newest.outcome, newest.count)
    ]
    return FitEvidence(newest.outcome, seen_on, len(alike), newest.at, bool(same))


def _decides(one: FitObservation, option: InstanceOption, settings: EngineSettings) -> bool:
    if one.gpu != option.gpu.name:
        return False
    if one.outcome is FitOutcome.SERVED:
        return one.count <= option.count and settings.need_at_most(one.settings)
    return one.count >= option.count and one.settings.need_at_most(settings)
