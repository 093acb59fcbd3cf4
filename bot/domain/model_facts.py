"""What the Hugging Face Hub says about a model at one commit, as far as a deployment needs it."""

import re
from enum import StrEnum
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from bot.domain.fit import DEFAULT_CONTEXT, Workload
from bot.domain.kv_cache import KvCache

DEFAULT_BRANCH = "main"
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Gate(StrEnum):
    """What reading a repo's files needs."""

    NONE = "none"
    AUTO = "auto"
    """Accepting its licence."""
    MANUAL = "manual"
    """A request that its owners decide."""


class ModelFacts(BaseModel):
    """A model's repo at one commit; None where unknown.

    Attributes:
        parameters: Logical ones: packed values count each.
        stored_bytes: The weights on disk.
        weights: The same as they load.
        dtype: Such as "bf16".
        quantization: Such as "awq 4-bit".
        cache_unknown: Why the KV cache is unknown; '' if it is known.
        is_complete: Whether its config could be read.
        blocked: Why it can't be served, as a sentence; None if it can.
        warnings: Risks, a sentence each.
    """

    model_config = ConfigDict(frozen=True)

    repo: str
    commit: str
    gate: Gate = Gate.NONE
    private: bool = False
    pipeline: str | None = None
    architecture: str | None = None
    parameters: int | None = None
    stored_bytes: int | None = None
    weights: int | None = None
    dtype: str | None = None
    quantization: str | None = None
    longest_context: int | None = None
    has_chat_template: bool | None = None
    cache: KvCache | None = None
    cache_unknown: str = ""
    hidden_size: int | None = None
    heads: int | None = None
    is_complete: bool = True
    blocked: str | None = None
    warnings: tuple[str, ...] = ()

    def workload(self, context: int | None = None, batch: int | None = None) -> Workload:
        """What has to fit; without a context, 8,192 tokens, and never more than the model takes."""
        tokens = context or DEFAULT_CONTEXT
        if self.longest_context is not None:
            tokens = min(tokens, self.longest_context)
        return Workload(
            self.weights, self.cache, self.hidden_size, self.heads, tokens, max(1, batch or 1)
        )


class MissingPart(StrEnum):
    """What the Hub doesn't show, as a field of the draft."""

    REPO = "model"
    REVISION = "revision"


class MissingModel(BaseModel):
    """The Hub shows no such repo or revision: there is none, or it is private."""

    model_config = ConfigDict(frozen=True)

    part: MissingPart
    repo: str
    revision: str


class NotChecked(BaseModel):
    """The Hub couldn't be asked; `why` is a clause such as "the Hub can't be reached"."""

    model_config = ConfigDict(frozen=True)

    why: str


CheckedModel: TypeAlias = ModelFacts | MissingModel | NotChecked


class ModelSummary(BaseModel):
    """A model as a search finds it."""

    model_config = ConfigDict(frozen=True)

    repo: str
    parameters: int | None = None
    downloads: int | None = None
    gated: bool = False
    pipeline: str | None = None
    library: str | None = None


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole commit hash, which belongs to one repo and never changes."""
    return _COMMIT.fullmatch(revision.lower()) is not None
