"""What a model's config.json says of its weights: type, quantization, number of parameters."""

from collections.abc import Mapping
from typing import Any

_DTYPES = {
    "bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32",
    "BF16": "bf16", "F16": "fp16", "F32": "fp32", "F8_E4M3": "fp8", "F8_E5M2": "fp8",
}  # fmt: skip
# Types into which quantized values are packed, several to a number.
_PACKED = ("I32", "U32", "I8", "U8")


def quantization_of(config: Mapping[str, Any], beside: Mapping[str, Any] | None) -> str | None:
    """The quantization's name, such as "awq 4-bit"; None for none.

    Args:
        config: config.json.
        beside: The hf_quant_config.json beside it, if there is one.
    """
    declared = _declared(config, beside)
    if not declared:
        return None
    method = str(declared.get("quant_method") or "").strip()
    algorithm = str(declared.get("quant_algo") or "").strip()
    bits = _bits(declared)
    width = f"{bits}-bit" if bits and str(bits) not in method + algorithm else ""
    return " ".join(filter(None, (method, algorithm, width)))[:40] or "quantized"


def dtype_of(config: Mapping[str, Any], counts: Mapping[str, int]) -> str | None:
    """The type of most weights, such as "bf16", else the one that the config declares."""
    if counts:
        most = max(counts, key=lambda kind: counts[kind])
        if most in _DTYPES:
            return _DTYPES[most]
    for source in (config, _nested(config)):
        for name in ("dtype", "torch_dtype"):
            declared = str(source.get(name) or "").removeprefix("torch.")
            if declared in _DTYPES:
                return _DTYPES[declared]
    return None


def parameters_of(
    config: Mapping[str, Any], beside: Mapping[str, Any] | None, counts: Mapping[str, int]
) -> int | None:
    """Logical parameters; None where values of unknown width are packed.

    Args:
        config: config.json.
        beside: The hf_quant_config.json beside it, if there is one.
        counts: Numbers by their type in the safetensors files.
    """
    packed = sum(counts.get(kind, 0) for kind in _PACKED)
    if not counts or packed * 8 <= sum(counts.values()):
        return sum(counts.values()) or None
    bits = _bits(_declared(config, beside) or {})
    if bits is None or any(counts.get(kind) for kind in _PACKED[2:]):
        return None
    return sum(counts.values()) - packed + packed * (32 // bits)


def _declared(config: Mapping[str, Any], beside: Mapping[str, Any] | None) -> Mapping[str, Any]:
    declared = config.get("quantization_config") or _nested(config).get("quantization_config")
    if isinstance(declared, Mapping):
        return declared
    lower = (beside or {}).get("quantization")
    return lower if isinstance(lower, Mapping) else beside or {}


def _nested(config: Mapping[str, Any]) -> Mapping[str, Any]:
    nested = config.get("text_config")
    return nested if isinstance(nested, Mapping) else {}


def _bits(declared: Mapping[str, Any]) -> int | None:
    bits = declared.get("bits")
    if isinstance(bits, int) and not isinstance(bits, bool) and 1 <= bits <= 16:
        return bits
    if declared.get("load_in_4bit") is True:
        return 4
    return 8 if declared.get("load_in_8bit") is True else None
