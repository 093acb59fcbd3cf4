"""A deployment before it exists: the draft as a person typed it, and the request once checked."""

import re
import secrets
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.deployments.hub_names import read_model
from bot.deployments.span import write_span
from bot.friendli.instances import InstanceOption, Prices, by_id
from bot.friendli.schemas import (
    AutoscalingPolicy,
    DedicatedEndpointCreateBody,
    EndpointAdvancedConfig,
    EndpointSimplescaleConfig,
    QueueBackpressureMetricKind,
)

Scaling = Literal["fixed", "auto"]

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
    "model": 480,  # the longest address of a model at a revision
    "name": LONGEST_NAME,
    "gpu": 40,
    "revision": 255,
    "comment": LONGEST_COMMENT,
    "queue_backpressure_metric": 40,
}
# Only these may validly consist of nothing but characters that take two in JSON.
_FREE_TEXT = frozenset({"name", "comment"})

Text = Annotated[str | None, BeforeValidator(lambda typed: typed or None)]


def longest(field: str) -> int:
    """Return the most characters that a text field of a draft is kept with."""
    return _LONGEST.get(field, LONGEST_NUMBER)


def replicas_text(least: int, most: int) -> str:
    """How many replicas, in words: "1 replica", or from "0" to "3 replicas" with a dash."""
    if least != most:
        return f"{least}\N{EN DASH}{most} replicas"
    return "1 replica" if most == 1 else f"{most} replicas"


class DeployDraft(BaseModel):
    """What a person typed so far, unchecked; None is what was not typed.

    As JSON the keys are single letters, because a draft travels in Slack's button values (2,000
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
    lease: Text = Field(default=None, alias="f")
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

    def to_json(self) -> str:
        """Write compact JSON without what is None."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            pydantic.ValidationError: The text is something else.
        """
        return cls.model_validate_json(text)

    @property
    def autoscaling(self) -> bool:
        """Whether replicas follow the load: as chosen, or as the typed numbers imply."""
        if self.scaling is not None:
            return self.scaling == "auto"
        return self.replicas is None and any((self.min_replicas, self.max_replicas, self.cooldown))

    def effective(self) -> Self:
        """Return the draft with its scaling chosen and without the other scaling's numbers."""
        if not self.autoscaling:
            unused = dict.fromkeys(("min_replicas", "max_replicas", "cooldown"))
            return self.model_copy(update={"scaling": "fixed", **unused})
        chosen: dict[str, str | None] = {"scaling": "auto", "replicas": None}
        if not (self.min_replicas or self.max_replicas or self.cooldown):
            chosen |= {
                "min_replicas": str(DEFAULT_MIN_REPLICAS),
                "max_replicas": str(DEFAULT_MAX_REPLICAS),
            }
        return self.model_copy(update=chosen)

    def clipped(self) -> Self:
        """Return the draft cut to what Slack can carry: at most 2,500 characters of JSON.

        A draft that passes the rules is only cut where a pasted address goes on past the model
        and its revision. Control characters, which no rule lets pass, turn into spaces.
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
    """Count the UTF-16 units of text in JSON, the most that any reading of "characters" counts."""
    return len(text.encode("utf-16-le")) // 2 + text.count('"') + text.count("\\")


class DeployRequest(BaseModel):
    """A checked wish for an endpoint, with nothing left to decide.

    Attributes:
        target: Name of the place to deploy to.
        model: org/name on the Hugging Face Hub.
        name: Name of the endpoint.
        instance_option_id: The API's id of the instance option.
        replicas: A fixed number of them; None when `autoscaling` is set, and only then.
        lease_seconds: How long it runs before it ends by itself; None for no end.
        queue_timeout_ms: Milliseconds.
    """

    model_config = ConfigDict(frozen=True)

    target: str
    model: str
    name: str
    instance_option_id: str
    replicas: int | None = None
    autoscaling: AutoscalingPolicy | None = None
    lease_seconds: int | None = None
    revision: str | None = None
    comment: str | None = None
    max_batch_size: int | None = None
    max_input_length: int | None = None
    max_token_count: int | None = None
    max_context_length: int | None = None
    skip_special_tokens: bool = True
    add_special_tokens: bool = True
    content_logging: bool | None = None
    queue_timeout_ms: int | None = None
    queue_backpressure_metric: QueueBackpressureMetricKind | None = None
    queue_backpressure_threshold: float | None = None

    @model_validator(mode="after")
    def _scales_one_way(self) -> Self:
        if (self.replicas is None) == (self.autoscaling is None):
            raise ValueError("either replicas or autoscaling")
        return self

    def to_json(self) -> str:
        """Write JSON without what is None, to be stored."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            pydantic.ValidationError: The text is something else.
        """
        return cls.model_validate_json(text)

    @property
    def option(self) -> InstanceOption:
        """The instance option of each replica.

        Raises:
            LookupError: The id is in no table of this version of the bot.
        """
        option = by_id(self.instance_option_id)
        if option is None:
            raise LookupError(f"no instance option has the id {self.instance_option_id}")
        return option

    @property
    def replica_bounds(self) -> tuple[int, int]:
        """Replicas kept at least, and at most."""
        if self.autoscaling is not None:
            return self.autoscaling.min_replica, self.autoscaling.max_replica
        return self.replicas or 0, self.replicas or 0

    @property
    def replicas_text(self) -> str:
        """How many replicas, in words: "1 replica", or from "0" to "3 replicas" with a dash."""
        return replicas_text(*self.replica_bounds)

    def price_per_replica(self, prices: Prices) -> Decimal:
        """Return the dollars per hour of one replica that is up."""
        return prices.per_hour(self.option)

    def price_at_full_scale(self, prices: Prices) -> Decimal:
        """Return the dollars per hour of all replicas that the request allows."""
        _, most = self.replica_bounds
        return prices.per_hour(self.option) * most

    def with_default_lease(self, seconds: int | None) -> Self:
        """Return the request with an end if it has none and its target gives one."""
        if self.lease_seconds is not None or seconds is None:
            return self
        return self.model_copy(update={"lease_seconds": seconds})

    def create_body(self, project_id: str) -> DedicatedEndpointCreateBody:
        """Return the create request; what was not chosen is left for the API to decide."""
        return DedicatedEndpointCreateBody(
            project_id=project_id,
            name=self.name,
            instance_option_id=self.instance_option_id,
            advanced=self.engine(),
            simplescale=self.simplescale(),
            autoscaling_policy=self.autoscaling,
            hf_model_repo=self.model,
            hf_model_repo_revision=self.revision,
            initial_version_comment=self.comment,
        )

    def simplescale(self) -> EndpointSimplescaleConfig | None:
        """The fixed number of replicas, as the API takes it; None with autoscaling."""
        return EndpointSimplescaleConfig(replicas=self.replicas) if self.replicas else None

    def engine(self) -> EndpointAdvancedConfig:
        """The engine settings as the API takes them, without those left for it to decide."""
        engine = EndpointAdvancedConfig(
            max_batch_size=self.max_batch_size,
            tokenizer_skip_special_tokens=self.skip_special_tokens,
            tokenizer_add_special_tokens=self.add_special_tokens,
            enable_content_logging=self.content_logging,
            max_input_length=self.max_input_length,
            max_context_length=self.max_context_length,
            queue_timeout_ms=self.queue_timeout_ms,
            queue_backpressure_metric_kind=self.queue_backpressure_metric,
            queue_backpressure_metric_threshold=self.queue_backpressure_threshold,
        )
        if self.max_token_count is not None:
            engine = engine.model_copy(update={"max_token_count": self.max_token_count})
        return engine

    def draft(self) -> DeployDraft:
        """Return the draft that this request is the checked form of, to change or try again.

        Its JSON is never longer than 1,960 characters, so that a request id of 32 fits beside it
        in a button's value.
        """
        auto = self.autoscaling
        return DeployDraft(
            target=self.target,
            model=self.model,
            name=self.name,
            gpu=self.option.key,
            scaling="auto" if auto else "fixed",
            replicas=_typed(self.replicas),
            min_replicas=_typed(auto.min_replica) if auto else None,
            max_replicas=_typed(auto.max_replica) if auto else None,
            cooldown=_typed(auto.cooldown_period) if auto else None,
            lease=write_span(self.lease_seconds) if self.lease_seconds else None,
            revision=self.revision,
            comment=self.comment,
            max_batch_size=_typed(self.max_batch_size),
            max_input_length=_typed(self.max_input_length),
            max_token_count=_typed(self.max_token_count),
            max_context_length=_typed(self.max_context_length),
            skip_special_tokens=None if self.skip_special_tokens else False,
            add_special_tokens=None if self.add_special_tokens else False,
            content_logging=self.content_logging,
            queue_timeout_ms=_typed(self.queue_timeout_ms),
            queue_backpressure_metric=self.queue_backpressure_metric,
            queue_backpressure_threshold=_typed(self.queue_backpressure_threshold),
        )


def _typed(number: float | None) -> str | None:
    # A float's repr is its shortest exact form, but may have an exponent, which nobody types.
    return None if number is None else f"{Decimal(repr(number)).normalize():f}"


# No vowels, no look-alikes: a tag is read aloud, and spells nothing.
_TAG_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_TAG_LENGTH = 4
_SLUG_LENGTH = 50


def new_tag() -> str:
    """Make the random end of a proposed name, so that strangers' endpoints don't collide."""
    number, letters = secrets.randbelow(len(_TAG_ALPHABET) ** _TAG_LENGTH), ""
    for _ in range(_TAG_LENGTH):
        number, letter = divmod(number, len(_TAG_ALPHABET))
        letters += _TAG_ALPHABET[letter]
    return letters


def propose_name(model: str, tag: str) -> str:
    """Make an endpoint's name from a model's: "meta-llama/Llama-3.1-8B" → "llama-3-1-8b-k7wq".

    Args:
        model: org/name or a pasted address, valid or not.
        tag: What the name ends in.

    Returns:
        Lower-case ASCII letters, digits and hyphens, at most 55 characters with a 4-character tag.
    """
    repo = read_model(model).repo or ""
    slug = re.sub(r"[^a-z0-9]+", "-", repo.rpartition("/")[2].lower())[:_SLUG_LENGTH].strip("-")
    return f"{slug or 'endpoint'}-{tag}"
