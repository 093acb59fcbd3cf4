"""Whether a model fits the memory of an instance option, with the arithmetic.

The fullest GPU decides: weights are split evenly over the GPUs, the KV cache as far as its heads
can be split. The engine's own share isn't published, so there are two estimates, and an answer
between them is "tight". A card's label counts 10⁹ bytes, its memory is a little more (81,920 MiB of
an A100 80GB by its datasheet, the others by `nvidia-smi`). Shares and reserves follow vLLM's
defaults (`gpu_memory_utilization` 0.90 for years, 0.92 since 2026) and its users' measurements of
CUDA contexts and graphs: 1 to 3 GB a card.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.kv_cache import KvCache

GB = 10**9
# Real bytes of a card, by its label in GB.
CARD_BYTES: Mapping[int, int] = {
    80: 85_520 * 10**6,
    141: 150_755 * 10**6,
    180: 192_266 * 10**6,
}
# The engine's part of a card: of the label to be safe, of the memory at best.
SAFE_SHARE = 0.90
BEST_SHARE = 0.92
# CUDA context, graphs and communication buffers, per card.
RESERVE_BYTES = 1 * GB
# An engine processes so many prompt tokens at a time; each needs some vectors meanwhile.
CHUNK_TOKENS = 8192
_VECTORS_PER_TOKEN = 8
_VECTOR_BYTES = 2
DEFAULT_CONTEXT = 8192


class Fit(StrEnum):
    """Whether a model fits."""

    FITS = "fits"
    TIGHT = "tight"
    """Only with a small engine reserve, or with fewer concurrent requests."""
    TOO_SMALL = "too_small"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Workload:
    """What has to fit; None where unknown.

    Attributes:
        weights: Bytes as they load.
        heads: Attention heads; tensor parallelism has to divide them.
        context: Tokens of one request, prompt and answer.
    """

    weights: int | None
    cache: KvCache | None
    hidden_size: int | None
    heads: int | None
    context: int = DEFAULT_CONTEXT
    batch: int = 1


@dataclass(frozen=True, slots=True)
class FitResult:
    """Whether a load fits, and why. Bytes are those of one card.

    Attributes:
        split: Over how many GPUs the model is split; fewer than available if its heads can't be.
        usable: The engine's memory, safe estimate.
        room: Concurrent requests, safe estimate; None if unknown.
        missing: Bytes missing over all cards for one request, best estimate; 0 if none.
    """

    fit: Fit
    split: int = 1
    weights: int = 0
    activations: int = 0
    reserve: int = RESERVE_BYTES
    request: int = 0
    usable: int = 0
    usable_at_best: int = 0
    room: int | None = None
    missing: int = 0


def fit(load: Workload, *, card_gb: int, count: int) -> FitResult:
    """Whether a load fits `count` cards of a size (the label's GB)."""
    usable = int(SAFE_SHARE * card_gb * GB)
    at_best = int(BEST_SHARE * CARD_BYTES.get(card_gb, card_gb * 2**30))
    split = _split(load.heads, count)
    if load.weights is None:
        return FitResult(Fit.UNKNOWN, split=split, usable=usable, usable_at_best=at_best)
    weights = math.ceil(load.weights / split)
    activations = (
        CHUNK_TOKENS * (load.hidden_size or 0) * _VECTORS_PER_TOKEN * _VECTOR_BYTES // split
    )
    fixed = weights + activations + RESERVE_BYTES
    if load.cache is None:
        missing = max(0, fixed - at_best) * split
        return FitResult(
            Fit.TOO_SMALL if missing else Fit.UNKNOWN,
            split=split,
            weights=weights,
            activations=activations,
            usable=usable,
            usable_at_best=at_best,
            missing=missing,
        )
    request = load.cache.bytes_of(load.context, split)
    free, free_at_best = usable - fixed, at_best - fixed
    room = _room(free, request, load.batch)
    if free_at_best < request:
        verdict = Fit.TOO_SMALL
    elif room >= load.batch:
        verdict = Fit.FITS
    else:
        verdict = Fit.TIGHT
    return FitResult(
        verdict,
        split=split,
        weights=weights,
        activations=activations,
        request=request,
        usable=usable,
        usable_at_best=at_best,
        room=room,
        missing=max(0, request - free_at_best) * split,
    )


def _room(free: int, request: int, batch: int) -> int:
    if request == 0:
        # Encoders keep no cache.
        return batch if free >= 0 else 0
    return max(0, free // request)


def _split(heads: int | None, count: int) -> int:
    """The most GPUs that can share each layer: a divisor of the heads."""
    if heads is None:
        return count
    return max(each for each in range(1, count + 1) if heads % each == 0)
