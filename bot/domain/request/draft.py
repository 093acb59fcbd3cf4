"""A deploy request before validation."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Scaling = Literal["fixed", "auto", "friendli"]
"""How the number of replicas is decided; "friendli": none is sent, and Friendli decides."""

DEFAULT_SCALING: Scaling = "auto"

DEFAULT_REPLICAS = 1
DEFAULT_MIN_REPLICAS = 0
DEFAULT_MAX_REPLICAS = 1
DEFAULT_COOLDOWN = 300

LONGEST_NAME = 100
LONGEST_COMMENT = 500
LONGEST_TARGET = 40
LONGEST_NUMBER = 20

_LONGEST = {
    "target": LONGEST_TARGET,
    "model": 480,  # the longest URL of a model at a revision
    "name": LONGEST_NAME,
    "gpu": 40,
    "revision": 255,
    "comment": LONGEST_COMMENT,
    "queue_backpressure_metric": 40,
}
# Only these may validly consist of characters that take two in JSON.
_FREE_TEXT = frozenset({"name", "comment"})

Text = Annotated[str | None, BeforeValidator(lambda typed: typed or None)]


def longest(field: str) -> int:
    return _LONGEST.get(field, LONGEST_NUMBER)


class DeployDraft(BaseModel):
    """What a person has entered, unchecked; None for missing fields.

    Its JSON keys are single letters, because a draft must fit Slack's button values (2,000
    characters) and modals (3,000).
    """

    model_config = ConfigDict(
        frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    target: Text = Field(default=None, alias="t")
    model: Text = Field(default=None, alias="m")
    name: Text = Field(default=None, alias="n")
    gpu: Text = Field(default=None, alias="g")
    scaling: Scaling | None = Field(default=None, alias="s")
    replicas: Text = Field(default=None, alias="r")
    min_replicas: Text = Field(default=None, alias="l")
    max_replicas: Text = Field(default=None, alias="h")
    cooldown: Text = Field(default=None, alias="d")
    lifetime: Text = Field(default=None, alias="f")
    revision: Text = Field(default=None, alias="v")
    comment: Text = Field(default=None, alias="c")
    max_batch_size: Text = Field(default=None, alias="b")
    max_input_length: Text = Field(default=None, alias="i")
    max_token_count: Text = Field(default=None, alias="k")
    max_context_length: Text = Field(default=None, alias="x")
    skip_special_tokens: bool | None = Field(default=None, alias="e")
    add_special_tokens: bool | None = Field(default=None, alias="a")
    content_logging: bool | None = Field(default=None, alias="o")
    queue_timeout_ms: Text = Field(default=None, alias="q")
    queue_backpressure_metric: Text = Field(default=None, alias="p")
    queue_backpressure_threshold: Text = Field(default=None, alias="u")
    anyway: bool | None = Field(default=None, alias="y")

    def to_json(self) -> str:
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls.model_validate_json(text)

    @property
    def named_scaling(self) -> Scaling | None:
        """The scaling as chosen, or as the entered numbers imply; None if open."""
        if self.scaling is not None:
            return self.scaling
        if self.replicas is not None:
            return "fixed"
        return "auto" if any((self.min_replicas, self.max_replicas, self.cooldown)) else None

    @property
    def effective_scaling(self) -> Scaling:
        """The scaling as named, or the default of a new target."""
        return self.named_scaling or DEFAULT_SCALING

    def effective(self) -> Self:
        """The draft with its scaling chosen and without the other scalings' numbers."""
        scaling = self.effective_scaling
        chosen: dict[str, str | None] = {"scaling": scaling}
        if scaling != "fixed":
            chosen["replicas"] = None
        if scaling != "auto":
            chosen |= dict.fromkeys(("min_replicas", "max_replicas", "cooldown"))
        elif not (self.min_replicas or self.max_replicas or self.cooldown):
            chosen |= {
                "min_replicas": str(DEFAULT_MIN_REPLICAS),
                "max_replicas": str(DEFAULT_MAX_REPLICAS),
            }
        return self.model_copy(update=chosen)

    def clipped(self) -> Self:
        """The draft cut to what Slack can carry: at most 2,500 characters of JSON.

        A valid draft is only cut where a pasted URL goes on past the revision. Control
        characters, which no rule allows, become spaces.
        """
        texts = {
            field: _cut(value, longest(field), escapes=field in _FREE_TEXT)
            for field, value in self
            if isinstance(value, str) and field != "scaling"
        }
        return self.model_copy(update=texts)


def _cut(text: str, limit: int, *, escapes: bool) -> str:
    room = limit * 2 if escapes else limit
    text = re.sub(r"[\x00-\x1f\x7f]", " ", text[:limit])
    while _weight(text) > room:
        text = text[:-1]
    return text


def _weight(text: str) -> int:
    """The UTF-16 units of a text in JSON, the largest reading of "characters"."""
    return len(text.encode("utf-16-le")) // 2 + text.count('"') + text.count("\\")
