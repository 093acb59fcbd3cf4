"""Requests and responses, field by field as in Friendli's API reference.

Written from the reference and not from the bot's schemas, so that a mistake there shows.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)


class Advanced(BaseModel):
    """`EndpointAdvancedConfig`, the only one in snake case."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    max_batch_size: int | None = None
    tokenizer_skip_special_tokens: bool
    tokenizer_add_special_tokens: bool
    max_token_count: int = 2560
    enable_content_logging: bool | None = None
    max_input_length: int | None = None
    max_context_length: Annotated[int, Field(ge=1)] | None = None
    queue_timeout_ms: int | None = None
    queue_backpressure_metric_kind: (
        Literal[
            "TPOT_MS", "TTFT_MS", "REQUEST_COUNT", "WORKSPACE_UTILIZATION", "QUEUED_PREFILL_TOKENS"
        ]
        | None
    ) = None
    queue_backpressure_metric_threshold: float | None = None


class Simplescale(_Body):
    replicas: Annotated[int, Field(ge=1)]


class AutoscalingPolicy(_Body):
    """`AutoscalingPolicy`; the cool-down is in seconds."""

    min_replica: Annotated[int, Field(ge=0)] = 0
    max_replica: Annotated[int, Field(le=10)] = 1
    cooldown_period: int = 300


class _Scalable(_Body):
    simplescale: Simplescale | None = None
    autoscaling_policy: AutoscalingPolicy | None = None

    @model_validator(mode="after")
    def _scale_one_way(self) -> Self:
        if self.simplescale is not None and self.autoscaling_policy is not None:
            raise ValueError("Give simplescale or autoscalingPolicy, not both")
        return self


class CreateBody(_Scalable):
    project_id: str
    name: str
    instance_option_id: str
    advanced: Advanced
    hf_model_repo: str
    hf_model_repo_revision: str | None = None
    initial_version_comment: str | None = None


class UpdateBody(_Scalable):
    """`DedicatedEndpointUpdateBody`: what is null or missing stays unchanged."""

    name: str | None = None
    advanced: Advanced | None = None
    hf_model_repo: str | None = None
    hf_model_repo_revision: str | None = None
    new_version_comment: str | None = None
    instance_option_id: str | None = None


class _Query(BaseModel):
    # the API may ignore unknown parameters; here a misspelt one must show
    model_config = ConfigDict(extra="forbid")


class NoQuery(_Query):
    """The query of operations without parameters."""


class PageQuery(_Query):
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class ListQuery(PageQuery):
    """The query of the list; without a project, all endpoints of the team."""

    project_id: str = ""


class CostQuery(_Query):
    """The query of the cost operation; see `billing` for the rules between its fields."""

    start_time: datetime
    end_time: datetime
    bucket_width: Literal["1d"] = "1d"
    limit: Annotated[int, Field(ge=1, le=35)] = 7
    page: str | None = None
    group_by: Literal["line_item"] | None = None


class _Response(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class EndpointStatus(_Response):
    """`DedicatedEndpointStatus`; may hold strings that the reference doesn't list."""

    status: str
    error_code: str | None
    created_at: datetime
    updated_at: datetime | None
    phase: str | None


class EndpointSpec(_Response):
    """`DedicatedEndpointSpec`; a fixed replica count shows as equal minimum and maximum."""

    name: str
    gpu_type: str
    num_gpu: int
    instance_id: str | None
    project_id: str
    creator_id: str
    team_id: str
    autoscaling_min: int
    autoscaling_max: int
    autoscaling_cooldown: int
    max_batch_size: int
    max_input_length: int | None
    max_context_length: int | None
    tokenizer_skip_special_tokens: bool
    tokenizer_add_special_tokens: bool
    curr_replica_cnt: int | None
    desired_replica_cnt: int | None
    updated_replica_cnt: int | None


class CostResult(BaseModel):
    """`CostResult`: dollars, GPU-hours and cents per GPU-hour, as decimal strings."""

    total: str
    quantity: str | None = None
    unit_price: str | None = None
    line_item: str | None = None


class CostBucket(BaseModel):
    start_time: datetime
    end_time: datetime
    results: list[CostResult]


class CostResponse(BaseModel):
    has_more: bool
    next_page: str | None
    data: list[CostBucket]
