"""The bytes of a model's loaded weights, from the Hub's file list.

The loaded files count: those of the root's index, or the one model.safetensors. Roots also hold
copies (consolidated.safetensors, twins in other formats), folders hold originals and adapters.
Parameters times the width of their type is only a fallback, since packed and quantized weights have
widths of their own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

INDEX = "model.safetensors.index.json"
# Names that `transformers` and engines load; everything else in a root is a copy or an adapter.
_SHARD = re.compile(r"model(-\d{1,6}-of-\d{1,6})?\.safetensors")
# Bytes per number of safetensors' types. Packed 4-bit values are stored in the wider ones.
_WIDTHS = {
    "F64": 8, "I64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RepoFiles:
    """A repo's files, as far as its weights are concerned.

    Attributes:
        sizes: Bytes of each file by its path; None where the Hub doesn't tell.
        indexed: The files of the root's index; None without an index, or unread.
    """

    sizes: Mapping[str, int | None]
    indexed: Sequence[str] | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    quantized: bool = False

    @property
    def loaded(self) -> Sequence[str]:
        if self.indexed is not None:
            named = sorted({path for path in self.indexed if path in self.sizes})
            if named:
                return named
        root = sorted(path for path in self.sizes if _SHARD.fullmatch(path))
        shards = [path for path in root if path != "model.safetensors"]
        if shards and INDEX in self.sizes:
            return shards
        if "model.safetensors" in root:
            return ["model.safetensors"]
        return root


def stored_bytes(files: RepoFiles) -> int | None:
    """The loaded files' bytes on disk; None if unknown."""
    sizes = [files.sizes[path] for path in files.loaded]
    known = [size for size in sizes if size is not None]
    if sizes and len(known) == len(sizes):
        return sum(known)
    return _counted(files.parameters)


def loaded_bytes(files: RepoFiles) -> int | None:
    """The weights' bytes as they load; None if unknown.

    Weights stored as float32 load with 16 bits, unless they are part of a quantization.
    """
    stored = stored_bytes(files)
    if stored is None or files.quantized or _counted(files.parameters) is None:
        return stored
    halved = 2 * files.parameters.get("F32", 0)
    return max(stored - halved, stored // 2)


def _counted(parameters: Mapping[str, int]) -> int | None:
    """Parameters times width; None if there are none, or of a type with an unknown width."""
    if not parameters or any(kind not in _WIDTHS for kind in parameters):
        return None
    return sum(count * _WIDTHS[kind] for kind, count in parameters.items())
