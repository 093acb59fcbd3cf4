"""Whether Friendli can serve a repo, by its files and its config.

Friendli needs config.json and safetensors at the repo's root; adapters, GGUF files and pipelines of
diffusers lack them in that form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.weights import INDEX, RepoFiles

_ADAPTER = "adapter_config.json"
_DIFFUSERS = "model_index.json"


@dataclass(frozen=True, slots=True)
class Preflight:
    """The result of the check.

    Attributes:
        blocked: Why the model can't be served, as a sentence; None if it can.
        warnings: Risks, a sentence each.
    """

    blocked: str | None
    warnings: Sequence[str] = ()


def preflight(files: RepoFiles, *, gated: bool, private: bool) -> Preflight:
    warnings = []
    if gated:
        warnings.append(
            "The repo is gated: the Hugging Face account that is connected to Friendli needs"
            " access, whatever the token here may read."
        )
    if private:
        warnings.append("The repo is private: Friendli needs an integration that may read it.")
    return Preflight(_blocked(files), tuple(warnings))


def _blocked(files: RepoFiles) -> str | None:
    paths = files.sizes
    root = [path for path in paths if "/" not in path]
    if _DIFFUSERS in root:
        return "It is a diffusers pipeline, which Friendli doesn't serve."
    if "config.json" not in root:
        if _ADAPTER in root:
            return "It is a LoRA adapter without a base model, which Friendli doesn't serve alone."
        if any(path.endswith(".gguf") for path in paths):
            return "It has GGUF files only; Friendli needs safetensors."
        return "It has no config.json at its root."
    if not files.loaded:
        if any(path.endswith(".gguf") for path in paths):
            return "It has GGUF files only; Friendli needs safetensors."
        nested = any(path.endswith(".safetensors") for path in paths)
        where = " at its root" if nested else ""
        return f"It has no safetensors weights{where}."
    missing = sorted(set(files.indexed or ()) - set(paths))
    if missing:
        return f"Its {INDEX} names {missing[0]}, which isn't there."
    return None


def is_quantized(config: Mapping[str, Any], *, beside: Mapping[str, Any] | None) -> bool:
    """Whether the weights are quantized, by config.json or the hf_quant_config.json beside it."""
    nested = config.get("text_config")
    inner = nested if isinstance(nested, Mapping) else {}
    return bool(beside or config.get("quantization_config") or inner.get("quantization_config"))
