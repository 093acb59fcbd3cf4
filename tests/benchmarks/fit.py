"""The fit check: its CPU time, and its answers beside published facts and hf-mem.

hf-mem (MIT) knows attention of full length with all, grouped or single KV heads; it has no latent
attention, windows only at full length, and refuses some quantizations, so it is asked for what it
knows. Run `python -m tests.benchmarks --only fit` for the unknown models' names.
"""

import time
from typing import Any

from hf_mem.safetensors.kv_cache import compute_safetensors_kv_cache_size

from bot.domain.fit import fit_of
from bot.domain.instances import INSTANCE_OPTIONS
from bot.domain.kv_cache import UnknownAttentionError, decoder_config, heads_of, kv_cache
from bot.domain.model_facts import ModelFacts
from bot.domain.weights import RepoFiles, loaded_bytes
from tests.benchmarks.table import Row, at_most
from tests.domain.published_models import MODELS, beside

_TURNS = 300
_CONTEXT = 8_192
_PLAIN = frozenset({"mha", "gqa", "mqa"})
# It takes `num_attention_heads` where the KV heads have another name.
_EXPLAINED = frozenset({"tiiuae/falcon-40b"})


def rows() -> list[Row]:
    """Measure and compare."""
    known, unknown = _facts()
    print("Unknown attention:", ", ".join(unknown) or "none")  # noqa: T201 - the report
    errors = _weight_errors()
    differing, compared = _beside_hf_mem()
    unexplained = set(differing) - _EXPLAINED
    if differing:
        print("hf-mem differs on:", ", ".join(differing))  # noqa: T201 - the report
    return [
        Row("Fit of 16 instance options: CPU", _cpu(known), "ms", goal=at_most(1)),
        Row("Models with a config", len(known) + len(unknown), "models"),
        Row("Of them with unknown attention", len(unknown), "models"),
        Row("Weights compared with published bytes", len(errors), "models"),
        Row("Their largest error", max(errors.values()) * 100, "%", goal=at_most(2)),
        Row("KV caches compared with hf-mem", compared, "models"),
        Row("Of them different, unexplained", len(unexplained), "models", goal=at_most(0)),
    ]


def _facts() -> tuple[list[ModelFacts], list[str]]:
    """The models that a cache is known of, and the names of the others."""
    known, unknown = [], []
    for repo, model in MODELS.items():
        if not model["config"]:
            continue
        try:
            cache = kv_cache(model["config"], beside(model))
        except UnknownAttentionError:
            unknown.append(repo)
            continue
        known.append(
            ModelFacts(
                repo=repo,
                commit="",
                weights=model["weight_bytes"] or 16_000_000_000,
                cache=cache,
                hidden_size=decoder_config(model["config"]).get("hidden_size"),
                heads=heads_of(model["config"]),
            )
        )
    return known, unknown


def _cpu(models: list[ModelFacts]) -> float:
    """Milliseconds for all options of one model, the mean over all models."""
    loads = [model.workload(_CONTEXT, 8) for model in models]
    turns = max(1, _TURNS // len(loads))
    started = time.process_time()
    for load in loads * turns:
        for option in INSTANCE_OPTIONS:
            fit_of(load, option)
    return (time.process_time() - started) * 1000 / (len(loads) * turns)


def _weight_errors() -> dict[str, float]:
    """The part by which weights counted by type miss the published bytes."""
    errors = {}
    for repo, model in MODELS.items():
        counts, published = model["params_by_dtype"], model["weight_bytes"]
        if not counts or not published or any(" " in kind for kind in counts):
            continue
        files = RepoFiles({"model.safetensors": None}, parameters=counts, quantized=True)
        counted = loaded_bytes(files)
        if counted is not None:
            errors[repo] = abs(counted - published) / published
    return errors


def _beside_hf_mem() -> tuple[list[str], int]:
    """Models on which both differ, and how many both know."""
    differing, compared = [], 0
    for repo, model in MODELS.items():
        config = model["config"]
        if not config or not model["kv"] or model["kv"]["rule"] not in _PLAIN:
            continue
        theirs = _theirs(config)
        ours = kv_cache(config, beside(model))
        if theirs is None or any(layer.window is not None for layer in ours.layers):
            continue
        compared += 1
        if ours.bytes_of(_CONTEXT) * 2 // ours.element_bytes != theirs:
            differing.append(repo)
    return differing, compared


def _theirs(config: dict[str, Any]) -> int | None:
    """Its answer at 16 bits; None where it raises, as on a nested config."""
    try:
        return compute_safetensors_kv_cache_size(config, "BF16", _CONTEXT)
    except (KeyError, TypeError, RuntimeError):
        return None
