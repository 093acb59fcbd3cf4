"""A model's rough size by its name, to compare how long models take to start."""

import re
from functools import lru_cache

_PARAMETERS = re.compile(
    r"(?<![a-z0-9.])(?:(?P<experts>\d{1,3})x)?(?P<number>\d{1,4}(?:\.\d{1,3})?)(?P<unit>[bmt])"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)
_UNITS = {"m": 1e6, "b": 1e9, "t": 1e12}
_EIGHT_BITS = re.compile(r"fp8|int8|w8a8|8bit|8-bit", re.IGNORECASE)
_FOUR_BITS = re.compile(r"awq|gptq|int4|w4a16|fp4|4bit|4-bit", re.IGNORECASE)
_ALIKE = 2.0
# The Hub's limit for a repo's name is 96.
_LONGEST = 100


@lru_cache(maxsize=1_000)
def rough_bytes(model: str) -> float | None:
    """The weights' bytes by the parameters in a name such as "org/Llama-3.1-8B-FP8"; or None."""
    name = model.rpartition("/")[2][:_LONGEST]
    sizes = [
        float(found["number"]) * int(found["experts"] or 1) * _UNITS[found["unit"].lower()]
        for found in _PARAMETERS.finditer(name)
    ]
    if not sizes:
        return None
    width = 0.5 if _FOUR_BITS.search(name) else 1.0 if _EIGHT_BITS.search(name) else 2.0
    return max(sizes) * width


def is_alike(one: float | None, other: float | None) -> bool:
    """Whether two models' bytes are within a factor of two; unknown ones are like nothing."""
    if one is None or other is None:
        return False
    return max(one, other) <= _ALIKE * min(one, other)
