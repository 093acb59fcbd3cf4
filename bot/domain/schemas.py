"""Requests and responses of Friendli's Dedicated Endpoints API, as pydantic models.

Names of classes and fields are those of Friendli's OpenAPI document; in Python the fields are
snake_case. Requests are strict, responses lenient: it is a beta, so an unknown field is kept, and
an unknown enum value stays a plain string.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema


class InferenceDeploymentStatus(StrEnum):
    """The status of an endpoint."""

    UNKNOWN = "UNKNOWN"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    UPDATING = "UPDATING"
    SLEEPING = "SLEEPING"
    AWAKING = "AWAKING"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    READY = "READY"


class Phase(StrEnum):
    """The phase of an endpoint that initializes or awakes."""

    REQUESTING_VIRTUAL_MACHINE = "REQUESTING_VIRTUAL_MACHINE"
    DOWNLOADING_MODEL = "DOWNLOADING_MODEL"
    ENGINE_INITIALIZING = "ENGINE_INITIALIZING"


class InferenceDeploymentErrorCode(StrEnum):
    """Why an endpoint failed."""

    WORKLOAD_INIT_UNKNOWN_ERROR = "WORKLOAD_INIT_UNKNOWN_ERROR"
    WORKLOAD_INIT_SETTINGS_ERROR = "WORKLOAD_INIT_SETTINGS_ERROR"
    WORKLOAD_INIT_GRPC_ERROR = "WORKLOAD_INIT_GRPC_ERROR"
    WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR = "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR"
    WORKLOAD_INIT_MANIFEST_TYPE_ERROR = "WORKLOAD_INIT_MANIFEST_TYPE_ERROR"
    WORKLOAD_INIT_DOWNLOAD_ERROR = "WORKLOAD_INIT_DOWNLOAD_ERROR"
    WORKLOAD_INIT_INVALID_TOKEN_ERROR = "WORKLOAD_INIT_INVALID_TOKEN_ERROR"  # noqa: S105 - a code
    WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR = "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
    WORKLOAD_INIT_HF_WANDB_API_ERROR = "WORKLOAD_INIT_HF_WANDB_API_ERROR"
    WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR = "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR"
    INFERENCE_ENGINE_UNKNOWN_ERROR = "INFERENCE_ENGINE_UNKNOWN_ERROR"
    INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR = "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR"
    INFERENCE_ENGINE_MEMORY_ERROR = "INFERENCE_ENGINE_MEMORY_ERROR"
    INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR = "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR"


class QueueBackpressureMetricKind(StrEnum):
    """What an endpoint measures to decide that its queue is full."""

    TPOT_MS = "TPOT_MS"
    TTFT_MS = "TTFT_MS"
    REQUEST_COUNT = "REQUEST_COUNT"
    WORKSPACE_UTILIZATION = "WORKSPACE_UTILIZATION"
    QUEUED_PREFILL_TOKENS = "QUEUED_PREFILL_TOKENS"


class RequestModel(BaseModel):
    """A part of a request body: no coercion, no unknown fields, immutable."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )

    def wire(self) -> dict[str, JsonValue]:
        """The JSON object to send: wire names, without unset fields and None."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


DEFAULT_MAX_TOKEN_COUNT = 2560
"""Of the create operation; Friendli publishes no other engine setting's default."""


class EndpointAdvancedConfig(RequestModel):
    """Engine settings. This object alone has snake_case names on the wire.

    The fields from `max_context_length` on are only in the newer edition of the API; unset, they
    are not sent, and the older edition accepts the body.

    Attributes:
        max_token_count: Tokens; `DEFAULT_MAX_TOKEN_COUNT` where the API decides.
        queue_timeout_ms: Milliseconds that a request may wait in the queue.
        queue_backpressure_metric_threshold: Above this the queue refuses requests.
    """

    model_config = ConfigDict(alias_generator=None)

    max_batch_size: int | None = None
    tokenizer_skip_special_tokens: bool
    tokenizer_add_special_tokens: bool
    max_token_count: int = DEFAULT_MAX_TOKEN_COUNT
    enable_content_logging: bool | None = None
    max_input_length: int | None = None
    max_context_length: Annotated[int, Field(ge=1)] | None = None
    queue_timeout_ms: int | None = None
    queue_backpressure_metric_kind: QueueBackpressureMetricKind | None = None
    queue_backpressure_metric_threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None


class EndpointSimplescaleConfig(RequestModel):
    """A fixed number of replicas."""

    replicas: int = Field(ge=1)


class AutoscalingPolicy(RequestModel):
    """Autoscaling; `min_replica` 0 lets an idle endpoint sleep.

    Attributes:
        cooldown_period: Seconds between the last request and scaling down.
    """

    min_replica: int = Field(default=0, ge=0)
    max_replica: int = Field(default=1, le=10)
    cooldown_period: int = 300


class DedicatedEndpointCreateBody(RequestModel):
    """A create request.

    The API requires no more than this: that exactly one of `simplescale` and
    `autoscaling_policy` is chosen is the bot's own rule.
    """

    project_id: str
    name: str
    instance_option_id: str
    advanced: EndpointAdvancedConfig
    simplescale: EndpointSimplescaleConfig | None = None
    autoscaling_policy: AutoscalingPolicy | None = None
    hf_model_repo: str
    hf_model_repo_revision: str | None = None
    initial_version_comment: str | None = None


class DedicatedEndpointUpdateBody(RequestModel):
    """An update request; omitted fields stay unchanged."""

    name: str | None = None
    advanced: EndpointAdvancedConfig | None = None
    simplescale: EndpointSimplescaleConfig | None = None
    autoscaling_policy: AutoscalingPolicy | None = None
    hf_model_repo: str | None = None
    hf_model_repo_revision: str | None = None
    new_version_comment: str | None = None
    instance_option_id: str | None = None


def _aware(moment: datetime) -> datetime:
    # The API documents RFC 3339 and shows UTC; a missing zone is taken for UTC.
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment before the year 1 or after the year 9999") from None


def _word(text: str) -> str:
    # It is stored and shown: PostgreSQL stores no NUL, and a name of a megabyte is unreadable.
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST_WORD])


def is_endpoint_id(text: str) -> bool:
    """Whether a text can be an endpoint's id: short, printable, and not empty."""
    return 0 < len(text) <= _LONGEST_WORD and text.isprintable()


def _identifier(text: str) -> str:
    if not is_endpoint_id(text):
        raise ValueError("not an id")
    return text


@dataclass(frozen=True, slots=True)
class _OrElse:
    """Replaces an unreadable value by a default: one malformed field must not hide an endpoint."""

    default: object

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The lenient schema, run by the parser itself."""
        return core_schema.with_default_schema(
            handler(source), default=self.default, on_error="default"
        )


_LONGEST_WORD = 200
# More replicas, GPUs or tokens than there will ever be.
_LARGEST_COUNT = 1_000_000_000
_LENIENT = _OrElse(None)

Word = Annotated[str, AfterValidator(_word)]
EndpointId = Annotated[str, AfterValidator(_identifier)]
# Left to right: smart mode would prefer the exact type, a plain string, over every member.
AnyStatus = Annotated[InferenceDeploymentStatus | Word, Field(union_mode="left_to_right")]
AnyPhase = Annotated[Phase | Word, Field(union_mode="left_to_right")]
AnyErrorCode = Annotated[InferenceDeploymentErrorCode | Word, Field(union_mode="left_to_right")]

# Fields of responses: None for null, missing or unreadable values.
LenientMoment = Annotated[Annotated[datetime, AfterValidator(_aware)] | None, _LENIENT]
LenientWord = Annotated[Word | None, _LENIENT]
LenientCount = Annotated[Annotated[int, Field(ge=0, le=_LARGEST_COUNT)] | None, _LENIENT]
LenientFlag = Annotated[bool | None, _LENIENT]
LenientPhase = Annotated[AnyPhase | None, _LENIENT]
LenientErrorCode = Annotated[AnyErrorCode | None, _LENIENT]
LenientId = Annotated[EndpointId | None, _LENIENT]


class ResponseModel(BaseModel):
    """A part of a response: unknown fields are kept and serialized again."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class DedicatedEndpointStatus(ResponseModel):
    """The status of an endpoint at the time of the response; all times are the API's clock.

    A missing or unreadable status is UNKNOWN; other fields are then None. Unknown fields are
    dropped, since lists of thousands stay in memory.
    """

    model_config = ConfigDict(extra="ignore")

    status: Annotated[AnyStatus, _OrElse(InferenceDeploymentStatus.UNKNOWN)] = (
        InferenceDeploymentStatus.UNKNOWN
    )
    error_code: LenientErrorCode = None
    created_at: LenientMoment = None
    updated_at: LenientMoment = None
    phase: LenientPhase = None

    @property
    def changed_at(self) -> datetime | None:
        return self.updated_at or self.created_at


class CreateResponse(ResponseModel):
    """The readable part of a successful create response.

    The endpoint was created whatever this contains, so a missing or malformed field is None.
    `id` and `endpointId` are undocumented.
    """

    created_at: LenientMoment = None
    status: Annotated[AnyStatus | None, _LENIENT] = None
    error_code: LenientErrorCode = None
    phase: LenientPhase = None
    id: LenientId = None
    endpoint_id: LenientId = None

    @property
    def names(self) -> EndpointId | None:
        """The endpoint's id, if the response has one."""
        return self.endpoint_id or self.id


class _Addressable:
    """Drops ids that no request could contain; null is an empty page."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The schema of a page's endpoints."""
        return core_schema.no_info_after_validator_function(
            _addressable, core_schema.nullable_schema(handler(source))
        )


def _addressable(
    data: dict[str, DedicatedEndpointStatus] | None,
) -> dict[str, DedicatedEndpointStatus]:
    return {id_: status for id_, status in (data or {}).items() if is_endpoint_id(id_)}


class DedicatedEndpointListResponse(ResponseModel):
    """One page of a project's endpoints: endpoint id → status.

    A listed id is an endpoint, whatever its status contains.
    """

    data: Annotated[
        dict[str, Annotated[DedicatedEndpointStatus, _OrElse(DedicatedEndpointStatus())]],
        _Addressable(),
    ] = Field(default_factory=dict)
    next_cursor: str | None = None


class DedicatedEndpointSpec(ResponseModel):
    """How an endpoint is set up; it names no model repo.

    The API's document requires most of these and describes none in full: null, missing or
    unreadable fields are None, and the others still count.

    Attributes:
        name: '' if it can't be read.
        num_gpu: GPUs per replica.
        autoscaling_cooldown: Seconds.
        updated_replica_cnt: Replicas of the newest version.
    """

    name: Annotated[Word, _OrElse("")] = ""
    gpu_type: LenientWord = None
    num_gpu: LenientCount = None
    instance_id: LenientWord = None
    project_id: LenientWord = None
    creator_id: LenientWord = None
    team_id: LenientWord = None
    autoscaling_min: LenientCount = None
    autoscaling_max: LenientCount = None
    autoscaling_cooldown: LenientCount = None
    max_batch_size: LenientCount = None
    max_input_length: LenientCount = None
    max_context_length: LenientCount = None
    tokenizer_skip_special_tokens: LenientFlag = None
    tokenizer_add_special_tokens: LenientFlag = None
    curr_replica_cnt: LenientCount = None
    desired_replica_cnt: LenientCount = None
    updated_replica_cnt: LenientCount = None

    def without_unknown(self) -> "DedicatedEndpointSpec":
        known = {name: getattr(self, name) for name in DedicatedEndpointSpec.model_fields}
        return DedicatedEndpointSpec.model_construct(self.model_fields_set & known.keys(), **known)


class DedicatedEndpointVersionHistoryResponse(ResponseModel):
    """One page of an endpoint's versions: version number, as text → spec."""

    data: dict[str, DedicatedEndpointSpec] = Field(default_factory=dict)
    next_cursor: str | None = None
