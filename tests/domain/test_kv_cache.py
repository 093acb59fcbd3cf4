"""What a request keeps on the GPU, for every model whose facts are known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.kv_cache import UnknownAttentionError, kv_cache
from tests.domain.published_models import MODELS, beside

# The config of these says less than their makers do.
EXPLAINED = {
    # One window in the config, which is three of four layers' by the maker.
    "mistralai/Ministral-8B-Instruct-2410": [(36, 2048, 32768)],
    # A window that is longer than the context.
    "microsoft/Phi-4-mini-instruct": [(32, 2048, 262144)],
}
KNOWN = [repo for repo, model in MODELS.items() if model["config"] and model["kv"]]


def test_at_least_ninety_models_are_compared() -> None:
    """The table is as long as the product's claim."""
    assert len(KNOWN) >= 90


@pytest.mark.parametrize("repo", KNOWN)
def test_layers_and_sizes_are_those_that_are_known(repo: str) -> None:
    """Count, numbers per token and window of each kind of caching layer."""
    model = MODELS[repo]
    cache = kv_cache(model["config"], beside(model))
    known = [
        (each["count"], each["elements_per_token"], each["window"])
        for each in model["kv"]["layers"]
    ]
    read = [(each.count, each.elements, each.window) for each in cache.layers]
    assert sorted(read, key=str) == sorted(EXPLAINED.get(repo, known), key=str)


@pytest.mark.parametrize("repo", KNOWN)
def test_one_sequence_takes_what_is_known(repo: str) -> None:
    """With full windows, at 16 bits, without recurrent state."""
    model = MODELS[repo]
    context = model["kv"]["context"]
    if context is None:
        assert kv_cache(model["config"]).layers == ()
        return
    cache = kv_cache(model["config"])
    sixteen_bit = (cache.bytes_of(context) - cache.state_bytes) * 2 // cache.element_bytes
    assert sixteen_bit == model["kv"]["bytes_one_sequence_16bit"]


@pytest.mark.parametrize(
    "changed",
    [
        {"compress_ratios": [4, 128]},
        {"index_head_dim": 128},
        {"layer_types": ["full_attention", "warp_attention"]},
        {"num_attention_heads": None, "num_key_value_heads": None},
        {"num_hidden_layers": None},
        {"num_hidden_layers": float("inf")},
        {"head_dim": 0.5, "hidden_size": float("nan")},
        {"layer_types": ["mamba", "mamba"], "mamba_num_heads": 8},
    ],
)
def test_attention_that_is_not_recognized_is_unknown(changed: dict[str, Any]) -> None:
    """Never zero, and never taken for an ordinary one."""
    config = {
        "model_type": "llama",
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        **changed,
    }
    with pytest.raises(UnknownAttentionError):
        kv_cache(config)


def test_an_eight_bit_cache_takes_half() -> None:
    """Where the checkpoint declares one."""
    config = MODELS["nvidia/Llama-3.1-70B-Instruct-FP8"]["config"]
    declared = kv_cache(config, {"kv_cache_quant_algo": "FP8"})
    assert declared.bytes_per_token * 2 == kv_cache(config).bytes_per_token


@given(st.sampled_from(KNOWN), st.integers(1, 200_000), st.integers(1, 200_000))
def test_a_longer_request_never_takes_less(repo: str, one: int, other: int) -> None:
    """And more GPUs never hold more of it each."""
    cache = kv_cache(MODELS[repo]["config"])
    shorter, longer = sorted((one, other))
    assert cache.bytes_of(shorter) <= cache.bytes_of(longer)
    assert cache.bytes_of(longer, 8) <= cache.bytes_of(longer, 2) <= cache.bytes_of(longer)
