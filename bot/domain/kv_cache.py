"""The KV cache per token, from a model's config.json.

Only attention layers cache tokens: those with a window at most that many. Recurrent and convolution
layers keep a state of fixed size. The field names are those of the model classes in `transformers`;
where a config omits the layers' kinds, the class's own rule is used. An unrecognized config is
unknown, never small: an underestimated cache runs out of memory.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Config: TypeAlias = Mapping[str, Any]

# Where multi-modal models nest the decoder's config.
_NESTED = ("thinker_config", "text_config", "llm_config", "language_config")
_ENCODERS = frozenset(
    {
        "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie",
        "modernbert", "mpnet", "new", "nomic_bert", "roberta", "xlm-roberta", "xlm_roberta",
    }
)  # fmt: skip
_FULL = frozenset({"attention", "full", "full_attention", "global", "global_attention", "hybrid"})
_WINDOWED = frozenset(
    {"chunked_attention", "local", "local_attention", "sliding", "sliding_attention"}
)
_RECURRENT = frozenset(
    {"gated_delta", "linear", "linear_attention", "mamba", "mamba2", "recurrent"}
)
_CONVOLUTION = frozenset({"conv", "short_conv"})
_NOTHING = frozenset({"dense", "ffn", "mlp", "moe"})
# The letters of `hybrid_override_pattern`.
_LETTERS = {"*": "attention", "M": "mamba", "E": "moe", "-": "mlp"}
# Every how many layers one has no window, where the config doesn't say.
_FULL_EVERY = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3_text": 6,
    "cohere2": 4,
    "llama4_text": 4,
    "gpt_oss": 2,
}
# Fields of attention with compressed tokens, whose size the config doesn't tell.
_COMPRESSED = re.compile(r"compress|kv_latent|latent_attention")


class UnknownAttentionError(Exception):
    """The config describes unknown attention; the message says what."""


@dataclass(frozen=True, slots=True)
class CachingLayers:
    """Layers with the same cache.

    Attributes:
        elements: Numbers kept per token and layer.
        heads: Over how many GPUs they can be split; 1 where every GPU keeps all.
        window: Maximum of tokens; None for all.
    """

    count: int
    elements: int
    heads: int
    window: int | None = None


@dataclass(frozen=True, slots=True)
class KvCache:
    """What one request keeps on the GPU.

    Attributes:
        layers: The caching layers; none for encoders.
        element_bytes: Of one number: 2, or 1 where the checkpoint declares an 8-bit cache.
    """

    layers: Sequence[CachingLayers]
    state_bytes: int
    element_bytes: int

    @property
    def bytes_per_token(self) -> int:
        """Over all caching layers, before windows are full."""
        return sum(each.count * each.elements for each in self.layers) * self.element_bytes

    def bytes_of(self, tokens: int, gpus: int = 1) -> int:
        """What one request keeps on each GPU.

        Heads that can't be split further are replicated; so is recurrent state, which engines split
        in their own ways.
        """
        kept = 0
        for each in self.layers:
            length = tokens if each.window is None else min(tokens, each.window)
            split = min(gpus, each.heads)
            kept += -(-each.count * each.elements * length * self.element_bytes // split)
        return kept + self.state_bytes


def decoder_config(config: Config) -> Config:
    for name in _NESTED:
        nested = config.get(name)
        if isinstance(nested, Mapping):
            return decoder_config(nested)
    return config


def heads_of(config: Config) -> int | None:
    """Attention heads of the decoder, which tensor parallelism has to divide; None if unknown."""
    return _number(decoder_config(config), "num_attention_heads", "n_heads", "n_head")


def kv_cache(config: Config, quantization_beside: Config | None = None) -> KvCache:
    """A model's cache from its config files, or UnknownAttentionError."""
    text = decoder_config(config)
    element = _element_bytes(config, quantization_beside)
    if _is_encoder(config):
        return KvCache((), 0, element)
    if config.get("is_encoder_decoder"):
        raise UnknownAttentionError("an encoder-decoder model")
    odd = next((key for key in text if _COMPRESSED.search(key)), None)
    if odd is not None:
        raise UnknownAttentionError(f"compressed attention ({odd})")
    kinds = _kinds(text)
    layers = [
        *_caching(text, sum(kind in _FULL for kind in kinds), windowed=False),
        *_caching(text, sum(kind in _WINDOWED for kind in kinds), windowed=True),
    ]
    if not layers:
        raise UnknownAttentionError("no attention layers")
    state = sum(_state_bytes(text, kind) for kind in kinds)
    if str(text.get("model_type")) == "falcon_h1":
        # Attention and a recurrent layer in parallel in every layer.
        state += len(kinds) * _state_bytes(text, "mamba")
    return KvCache(tuple(layers), state, element)


def _is_encoder(config: Config) -> bool:
    kind = str(config.get("model_type", ""))
    return kind in _ENCODERS and not config.get("is_decoder")


def _element_bytes(config: Config, beside: Config | None) -> int:
    for source in (config, decoder_config(config)):
        quantization = source.get("quantization_config")
        if isinstance(quantization, Mapping):
            scheme = quantization.get("kv_cache_scheme")
            if isinstance(scheme, Mapping) and scheme.get("num_bits") == 8:
                return 1
    declared = beside or {}
    nested = declared.get("quantization")
    algorithm = (nested if isinstance(nested, Mapping) else declared).get("kv_cache_quant_algo")
    return 1 if str(algorithm).upper() in {"FP8", "INT8"} else 2


def _kinds(text: Config) -> list[str]:
    kinds = _named_kinds(text)
    unknown = next((kind for kind in kinds if not _is_known(kind)), None)
    if unknown is not None:
        raise UnknownAttentionError(f"layers of the kind {unknown[:40]!r}")
    shared = _number(text, "num_kv_shared_layers") or 0
    if shared:
        # They read the cache of earlier layers.
        kinds[-shared:] = ["mlp"] * min(shared, len(kinds))
    return kinds


def _is_known(kind: str) -> bool:
    return any(kind in each for each in (_FULL, _WINDOWED, _RECURRENT, _CONVOLUTION, _NOTHING))


def _named_kinds(text: Config) -> list[str]:
    for name in ("layer_types", "layers_block_type"):
        if isinstance(named := text.get(name), Sequence) and named:
            return [str(kind) for kind in named]
    if isinstance(pattern := text.get("hybrid_override_pattern"), str) and pattern:
        return [_LETTERS.get(letter, letter) for letter in pattern]
    count = _number(text, "num_hidden_layers", "n_layers", "n_layer", "num_layers")
    if count is None or count > 10_000:
        raise UnknownAttentionError("no number of layers")
    return _kinds_by_index(text, count) or _windowed_by_rule(text, count)


def _kinds_by_index(text: Config, count: int) -> list[str]:
    """The kinds of hybrids that list their attention layers; empty for others."""
    linear = text.get("linear_attn_config")
    if isinstance(linear, Mapping):
        # Kimi counts its layers from one.
        full = {int(each) - 1 for each in linear.get("full_attn_layers", ())}
        return ["attention" if i in full else "linear_attention" for i in range(count)]
    flags = text.get("attn_type_list")
    if isinstance(flags, Sequence) and not isinstance(flags, str):
        return ["attention" if flag == 1 else "linear_attention" for flag in flags]
    flags = text.get("hybrid_layer_pattern")
    if isinstance(flags, Sequence) and not isinstance(flags, str):
        return ["sliding_attention" if flag == 1 else "attention" for flag in flags]
    indices = text.get("full_attn_idxs")
    if isinstance(indices, Sequence):
        return ["attention" if i in indices else "conv" for i in range(count)]
    crossing = text.get("cross_attention_layers")
    if isinstance(crossing, Sequence):
        # They keep image features of fixed length.
        return ["mlp" if i in crossing else "attention" for i in range(count)]
    if every := _number(text, "full_attention_interval"):
        return ["attention" if (i + 1) % every == 0 else "linear_attention" for i in range(count)]
    if every := _number(text, "attn_layer_period"):
        offset = _number(text, "attn_layer_offset") or 0
        return ["attention" if i % every == offset else "mamba" for i in range(count)]
    return []


def _windowed_by_rule(text: Config, count: int) -> list[str]:
    if _window(text) is None:
        return ["attention"] * count
    pattern = text.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:
        return [
            "sliding_attention" if pattern[i % len(pattern)] == "L" else "attention"
            for i in range(count)
        ]
    every = _number(text, "sliding_window_pattern", "no_rope_layer_interval") or _FULL_EVERY.get(
        str(text.get("model_type"))
    )
    if every:
        return ["attention" if (i + 1) % every == 0 else "sliding_attention" for i in range(count)]
    first = _number(text, "max_window_layers")
    if first is not None and text.get("use_sliding_window"):
        return ["attention" if i < first else "sliding_attention" for i in range(count)]
    return ["sliding_attention"] * count


def _window(text: Config) -> int | None:
    if text.get("use_sliding_window") is False:
        return None
    return _number(text, "sliding_window", "attention_chunk_size", "sliding_window_size")


def _caching(text: Config, count: int, *, windowed: bool) -> list[CachingLayers]:
    if not count:
        return []
    window = _window(text) if windowed else None
    rank = _number(text, "kv_lora_rank")
    if rank is not None:
        # Latent attention keeps one vector per token, on every GPU.
        elements = rank + (_number(text, "qk_rope_head_dim") or 0)
        return [CachingLayers(count, elements + (_number(text, "index_head_dim") or 0), 1, window)]
    if "index_head_dim" in text:
        raise UnknownAttentionError("sparse attention without latents (index_head_dim)")
    heads = _kv_heads(text)
    size = _head_size(text)
    if windowed:
        heads = _number(text, "swa_num_key_value_heads") or heads
        size = _number(text, "swa_head_dim") or size
        value_size = _number(text, "swa_v_head_dim", "v_head_dim") or size
    else:
        heads = _number(text, "num_global_key_value_heads") or heads
        size = _number(text, "global_head_dim") or size
        value_size = _number(text, "v_head_dim") or size
    return [CachingLayers(count, heads * (size + value_size), heads, window)]


def _kv_heads(text: Config) -> int:
    nested = text.get("attn_config")
    if isinstance(nested, Mapping) and (heads := _number(nested, "kv_n_heads")):
        return heads
    if text.get("multi_query") and not text.get("new_decoder_architecture"):
        return 1
    heads = _number(
        text,
        *("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
        *("num_attention_heads", "n_heads", "n_head"),
    )
    if heads is None:
        raise UnknownAttentionError("no number of heads")
    return heads


def _head_size(text: Config) -> int:
    size = _number(text, "head_dim", "attention_head_dim", "kv_channels")
    if size is not None:
        return size
    hidden = _number(text, "hidden_size", "d_model", "n_embd")
    heads = _number(text, "num_attention_heads", "n_heads", "n_head")
    if hidden is None or heads is None:
        raise UnknownAttentionError("no size of heads")
    return hidden // heads


def _state_bytes(text: Config, kind: str) -> int:
    """The fixed state of one layer for one request. Zero for attention."""
    if kind in _CONVOLUTION:
        width = _number(text, "hidden_size") or 0
        return width * (_number(text, "conv_L_cache") or 4) * 2
    if kind not in _RECURRENT:
        return 0
    width = 2 if "16" in str(text.get("mamba_ssm_cache_dtype", "float32")) else 4
    if value_heads := _number(text, "linear_num_value_heads"):
        key_size = _number(text, "linear_key_head_dim") or 0
        value_size = _number(text, "linear_value_head_dim") or 0
        mixed = 2 * (_number(text, "linear_num_key_heads") or 0) * key_size
        mixed += value_heads * value_size
        taps = (_number(text, "linear_conv_kernel_dim") or 4) - 1
        return value_heads * key_size * value_size * width + mixed * taps * 2
    heads = _number(text, "mamba_num_heads", "mamba_n_heads")
    size = _number(text, "mamba_head_dim", "mamba_d_head")
    state = _number(text, "ssm_state_size", "mamba_d_state")
    if heads and size and state:
        groups = _number(text, "n_groups", "mamba_n_groups") or 1
        taps = (_number(text, "conv_kernel", "mamba_d_conv") or 4) - 1
        return heads * size * state * width + (heads * size + 2 * groups * state) * taps * 2
    if state and (expand := _number(text, "mamba_expand")):
        return expand * (_number(text, "hidden_size") or 0) * state * width
    linear = text.get("linear_attn_config")
    if isinstance(linear, Mapping):
        size = _number(linear, "head_dim") or 0
        return (_number(linear, "num_heads") or 0) * size * size * width
    heads = _number(text, "num_attention_heads")
    if heads is None:
        raise UnknownAttentionError("recurrent layers of unknown size")
    return heads * _head_size(text) ** 2 * width


def _number(config: Config, *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, bool):
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and value > 0:
            return value
    return None
