"""Whether Friendli can serve a repo, by its files; and what may stand in its way.

Friendli needs config.json and safetensors at the repo's root; adapters, GGUF files and pipelines of
diffusers lack them in that form. It reads the repo with the Hugging Face account that is connected
to it, and not with the bot's token: each may read what the other can't.
"""

from collections.abc import Sequence

from bot.domain.model_facts import Gate, MissingModel, MissingPart
from bot.domain.weights import INDEX, RepoFiles

_ADAPTER = "adapter_config.json"
_DIFFUSERS = "model_index.json"
_TEMPLATES = frozenset({"chat_template.jinja", "chat_template.json"})
_ACCESS = (
    "The Hugging Face account connected to Friendli needs access, whatever this bot's token may"
    " read."
)


def access_warnings(gate: Gate, *, private: bool) -> Sequence[str]:
    """What reading the repo needs, a sentence or two each."""
    warnings = []
    if gate is Gate.AUTO:
        warnings.append(f"The repo is gated: accept its licence on the model page. {_ACCESS}")
    elif gate is Gate.MANUAL:
        warnings.append(
            f"The repo is gated: its owners decide about requests on the model page. {_ACCESS}"
        )
    if private:
        warnings.append(f"The repo is private. {_ACCESS}")
    return warnings


def missing(model: MissingModel) -> str:
    """Why a model that the Hub doesn't show is stopped, as a sentence with the way out."""
    if model.part is MissingPart.REVISION:
        return f"The repo has no revision {model.revision}."
    return (
        "The repo doesn't exist, or it is private and this bot's token can't see it. Friendli's own"
        " token may still read it."
    )


def has_template_file(files: RepoFiles) -> bool:
    return not _TEMPLATES.isdisjoint(files.sizes)


def blocked(files: RepoFiles) -> str | None:
    """Why the files can't be served, as a sentence; None if they can."""
    paths = files.sizes
    root = [path for path in paths if "/" not in path]
    if _DIFFUSERS in root:
        return "It's a diffusers pipeline, which Friendli can't serve."
    if "config.json" not in root:
        if _ADAPTER in root:
            return "It's a LoRA adapter without its base model, which Friendli can't serve alone."
        if any(path.endswith(".gguf") for path in paths):
            return "It has only GGUF files; Friendli needs safetensors."
        return "It has no config.json at its root."
    if not files.loaded:
        if any(path.endswith(".gguf") for path in paths):
            return "It has only GGUF files; Friendli needs safetensors."
        nested = any(path.endswith(".safetensors") for path in paths)
        where = " at its root" if nested else ""
        return f"It has no safetensors weights{where}."
    missing_files = sorted(set(files.indexed or ()) - set(paths))
    if missing_files:
        return f"Its {INDEX} lists {missing_files[0]}, which is missing."
    return None
