"""Whether a model fits the memory of an instance option, with the arithmetic.

The fullest GPU decides: weights are split evenly over the GPUs, the KV cache as far as its heads
can be split. The engine's own share isn't published, so there are two estimates, and an answer
between them is "tight".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.instances import InstanceOption
from bot.domain.kv_cache import KvCache

GB = 10**9


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """What a GPU has, and what its engine takes for itself.

    Attributes:
        label: The bytes that its name promises; some pairs that work need a little more.
        real: What `nvidia-smi` shows: 81,559 MiB of an H100, 143,771 of an H200, about 183,359 of
            a B200; of an A100 80GB, its datasheet's 81,920 MiB are no less than an H100's.
        reserve: CUDA context, graphs and communication buffers: 1 to 3 GB by the measurements of
            vLLM's users. The least of them is taken, and the safe share leaves room for more.
    """

    label: int
    real: int
    reserve: int


# By the label in GB.
GPU_MEMORY: Mapping[int, GpuMemory] = {
    80: GpuMemory(80 * GB, 85_520 * 10**6, 1 * GB),
    141: GpuMemory(141 * GB, 150_755 * 10**6, 1 * GB),
    180: GpuMemory(180 * GB, 192_266 * 10**6, 1 * GB),
}
# The engine's part of a card: vLLM's `gpu_memory_utilization` was 0.90 for years, 0.92 since 2026.
# Of the label to be safe, of the real memory at best.
SAFE_SHARE = 0.90
BEST_SHARE = 0.92
# An engine processes so many prompt tokens at a time; each needs some vectors meanwhile: 1 to 2 GB
# for common sizes.
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
        weights: Of the model's weights, its share.
        activations: While a prompt is processed.
        reserve: The engine's own.
        request: The KV cache of one request.
        split: Over how many GPUs the model is split; fewer than available if its heads can't be.
        usable: The engine's memory, safe estimate.
        room: Concurrent requests, safe estimate; None if unknown.
        missing: Bytes missing over all cards for one request, best estimate; 0 if none.
    """

    fit: Fit
    split: int = 1
    weights: int = 0
    activations: int = 0
    reserve: int = 0
    request: int = 0
    usable: int = 0
    usable_at_best: int = 0
    room: int | None = None
    missing: int = 0


def fit_of(load: Workload, option: InstanceOption) -> FitResult:
    return fit(load, card_gb=option.gpu.memory_gb, count=option.count)


def fit(load: Workload, *, card_gb: int, count: int) -> FitResult:
    """Whether a load fits `count` cards of a size (the label's GB)."""
    memory = GPU_MEMORY.get(card_gb) or GpuMemory(card_gb * GB, card_gb * 2**30, 1 * GB)
    usable, at_best = int(SAFE_SHARE * memory.label), int(BEST_SHARE * memory.real)
    split = _split(load.heads, count)
    if load.weights is None:
        return FitResult(
            Fit.UNKNOWN,
            split=split,
            reserve=memory.reserve,
            usable=usable,
            usable_at_best=at_best,
        )
    weights = math.ceil(load.weights / split)
    activations = (
        CHUNK_TOKENS * (load.hidden_size or 0) * _VECTORS_PER_TOKEN * _VECTOR_BYTES // split
    )
    fixed = weights + activations + memory.reserve
    if load.cache is None:
        missing = max(0, fixed - at_best) * split
        return FitResult(
            Fit.TOO_SMALL if missing else Fit.UNKNOWN,
            split=split,
            weights=weights,
            activations=activations,
            reserve=memory.reserve,
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
        reserve=memory.reserve,
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
