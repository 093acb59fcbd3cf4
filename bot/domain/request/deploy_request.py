"""A valid deploy request, and what is sent to Friendli."""

from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from bot.domain.cost_forecast import CostForecast
from bot.domain.fit_history import EngineSettings
from bot.domain.instances import AnyInstance, Prices, UnlistedInstance, instance
from bot.domain.request.draft import DeployDraft
from bot.domain.request.duration import format_duration
from bot.domain.request.sent_fields import SentField, sent_fields
from bot.domain.schemas import (
    AutoscalingPolicy,
    DedicatedEndpointCreateBody,
    EndpointAdvancedConfig,
    EndpointSimplescaleConfig,
    QueueBackpressureMetricKind,
)

SCALED_BY_FRIENDLI = "Friendli's default scaling"


def replicas_text(least: int | None, most: int | None) -> str:
    if least is None or most is None:
        return SCALED_BY_FRIENDLI
    if least != most:
        return f"{least}\N{EN DASH}{most} replicas"
    return "1 replica" if most == 1 else f"{most} replicas"


class DeployRequest(BaseModel):
    """A validated request for an endpoint.

    Attributes:
        model: org/name on the Hugging Face Hub.
        instance_option_id: The API's; may be missing in the bot's table.
        autoscaling: Never set beside `replicas`. With neither, Friendli decides.
        lifetime_seconds: From when it comes up; None for no end.
    """

    model_config = ConfigDict(frozen=True)

    target: str
    model: str
    name: str
    instance_option_id: str
    replicas: int | None = None
    autoscaling: AutoscalingPolicy | None = None
    lifetime_seconds: int | None = None
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
        if self.replicas is not None and self.autoscaling is not None:
            raise ValueError("either replicas or autoscaling")
        return self

    def to_json(self) -> str:
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls.model_validate_json(text)

    @property
    def option(self) -> AnyInstance:
        return instance(self.instance_option_id)

    @property
    def replica_bounds(self) -> tuple[int, int] | tuple[None, None]:
        """Minimum and maximum of replicas; None if Friendli decides."""
        if self.autoscaling is not None:
            return self.autoscaling.min_replica, self.autoscaling.max_replica
        if self.replicas is not None:
            return self.replicas, self.replicas
        return None, None

    @property
    def replicas_text(self) -> str:
        return replicas_text(*self.replica_bounds)

    def price_per_replica(self, prices: Prices) -> Decimal | None:
        option = self.option
        return None if isinstance(option, UnlistedInstance) else prices.per_hour(option)

    def price_at_full_scale(self, prices: Prices) -> Decimal | None:
        """Dollars per hour of all replicas that the request allows; None if unknown.

        An unknown price needs approval wherever a price decides about it.
        """
        _, most = self.replica_bounds
        each = self.price_per_replica(prices)
        return None if most is None or each is None else each * most

    def forecast(self, prices: Prices) -> CostForecast:
        least, most = self.replica_bounds
        return CostForecast(self.price_per_replica(prices), least, most, self.lifetime_seconds)

    def with_default_lifetime(self, seconds: int | None) -> Self:
        if self.lifetime_seconds is not None or seconds is None:
            return self
        return self.model_copy(update={"lifetime_seconds": seconds})

    def create_body(self, project_id: str) -> DedicatedEndpointCreateBody:
        """The create request; unset fields are left to the API."""
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

    @property
    def sent(self) -> tuple[SentField, ...]:
        """The fields that a create request sends, except those that messages show anyway."""
        return sent_fields(self.create_body(""))

    def simplescale(self) -> EndpointSimplescaleConfig | None:
        return EndpointSimplescaleConfig(replicas=self.replicas) if self.replicas else None

    def engine(self) -> EndpointAdvancedConfig:
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

    @property
    def engine_settings(self) -> EngineSettings:
        """What the engine's memory depends on."""
        return EngineSettings(
            self.max_batch_size,
            self.max_input_length,
            self.max_context_length,
            self.max_token_count,
        )

    def draft(self) -> DeployDraft:
        """The draft of this request, to edit or retry.

        Its JSON is at most 1,960 characters: a request id of 32 fits beside it in a button's value.
        """
        auto = self.autoscaling
        return DeployDraft(
            target=self.target,
            model=self.model,
            name=self.name,
            gpu=self.option.key,
            scaling="auto" if auto else "fixed" if self.replicas else "friendli",
            replicas=_typed(self.replicas),
            min_replicas=_typed(auto.min_replica) if auto else None,
            max_replicas=_typed(auto.max_replica) if auto else None,
            cooldown=_typed(auto.cooldown_period) if auto else None,
            lifetime=format_duration(self.lifetime_seconds) if self.lifetime_seconds else None,
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
