import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bot.domain.schemas import (
    AutoscalingPolicy,
    CreateResponse,
    DedicatedEndpointCreateBody,
    DedicatedEndpointListResponse,
    DedicatedEndpointSpec,
    DedicatedEndpointStatus,
    DedicatedEndpointUpdateBody,
    DedicatedEndpointVersionHistoryResponse,
    EndpointAdvancedConfig,
    EndpointSimplescaleConfig,
    InferenceDeploymentErrorCode,
    InferenceDeploymentStatus,
    Phase,
    QueueBackpressureMetricKind,
)
from tests.friendli.loopback import CREATE, SPEC, STATUS

MODELS = (
    AutoscalingPolicy,
    DedicatedEndpointCreateBody,
    DedicatedEndpointListResponse,
    DedicatedEndpointSpec,
    DedicatedEndpointStatus,
    DedicatedEndpointUpdateBody,
    DedicatedEndpointVersionHistoryResponse,
    EndpointAdvancedConfig,
    EndpointSimplescaleConfig,
)
ENUMS = (
    InferenceDeploymentErrorCode,
    InferenceDeploymentStatus,
    Phase,
    QueueBackpressureMetricKind,
)
ADVANCED = EndpointAdvancedConfig(
    tokenizer_skip_special_tokens=True, tokenizer_add_special_tokens=False
)


def test_every_enum_has_the_members_that_the_api_documents() -> None:
    """Each enum's values are exactly the documented ones, in their order."""
    assert {enum.__name__: [member.value for member in enum] for enum in ENUMS} == {
        "InferenceDeploymentErrorCode": [
            "WORKLOAD_INIT_UNKNOWN_ERROR",
            "WORKLOAD_INIT_SETTINGS_ERROR",
            "WORKLOAD_INIT_GRPC_ERROR",
            "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR",
            "WORKLOAD_INIT_MANIFEST_TYPE_ERROR",
            "WORKLOAD_INIT_DOWNLOAD_ERROR",
            "WORKLOAD_INIT_INVALID_TOKEN_ERROR",
            "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR",
            "WORKLOAD_INIT_HF_WANDB_API_ERROR",
            "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR",
            "INFERENCE_ENGINE_UNKNOWN_ERROR",
            "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR",
            "INFERENCE_ENGINE_MEMORY_ERROR",
            "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR",
        ],
        "InferenceDeploymentStatus": [
            "UNKNOWN",
            "INITIALIZING",
            "RUNNING",
            "UPDATING",
            "SLEEPING",
            "AWAKING",
            "FAILED",
            "STOPPING",
            "TERMINATING",
            "TERMINATED",
            "READY",
        ],
        "Phase": ["REQUESTING_VIRTUAL_MACHINE", "DOWNLOADING_MODEL", "ENGINE_INITIALIZING"],
        "QueueBackpressureMetricKind": [
            "TPOT_MS",
            "TTFT_MS",
            "REQUEST_COUNT",
            "WORKSPACE_UTILIZATION",
            "QUEUED_PREFILL_TOKENS",
        ],
    }


def test_every_model_has_the_fields_that_the_api_documents() -> None:
    """Each model's wire names are exactly the documented ones; the required ones have a "!"."""
    assert {
        model.__name__: {
            (field.alias or name) + ("!" if field.is_required() else "")
            for name, field in model.model_fields.items()
        }
        for model in MODELS
    } == {
        "AutoscalingPolicy": {"minReplica", "maxReplica", "cooldownPeriod"},
        "DedicatedEndpointCreateBody": {
            "projectId!",
            "name!",
            "instanceOptionId!",
            "advanced!",
            "simplescale",
            "autoscalingPolicy",
            "hfModelRepo!",
            "hfModelRepoRevision",
            "initialVersionComment",
        },
        "DedicatedEndpointListResponse": {"data", "nextCursor"},
        "DedicatedEndpointSpec": {
            "name",
            "gpuType",
            "numGpu",
            "instanceId",
            "projectId",
            "creatorId",
            "teamId",
            "autoscalingMin",
            "autoscalingMax",
            "autoscalingCooldown",
            "maxBatchSize",
            "maxInputLength",
            "maxContextLength",
            "tokenizerSkipSpecialTokens",
            "tokenizerAddSpecialTokens",
            "currReplicaCnt",
            "desiredReplicaCnt",
            "updatedReplicaCnt",
        },
        "DedicatedEndpointStatus": {"status", "errorCode", "createdAt", "updatedAt", "phase"},
        "DedicatedEndpointUpdateBody": {
            "name",
            "advanced",
            "simplescale",
            "autoscalingPolicy",
            "hfModelRepo",
            "hfModelRepoRevision",
            "newVersionComment",
            "instanceOptionId",
        },
        "DedicatedEndpointVersionHistoryResponse": {"data", "nextCursor"},
        "EndpointAdvancedConfig": {
            "max_batch_size",
            "tokenizer_skip_special_tokens!",
            "tokenizer_add_special_tokens!",
            "max_token_count",
            "enable_content_logging",
            "max_input_length",
            "max_context_length",
            "queue_timeout_ms",
            "queue_backpressure_metric_kind",
            "queue_backpressure_metric_threshold",
        },
        "EndpointSimplescaleConfig": {"replicas!"},
    }


def test_defaults_are_the_documented_ones() -> None:
    """What nobody chose has the value that the API documents."""
    assert ADVANCED.max_token_count == 2560
    assert AutoscalingPolicy().model_dump() == {
        "min_replica": 0,
        "max_replica": 1,
        "cooldown_period": 300,
    }


def test_a_create_body_is_sent_without_what_nobody_chose() -> None:
    """The JSON has wire names, and neither unset nor None fields."""
    body = CREATE.model_copy(update={"hf_model_repo_revision": None})
    assert body.wire() == {
        "projectId": "project-1",
        "name": "llama",
        "instanceOptionId": "zfTutSiLn0Hq",
        "advanced": {
            "tokenizer_skip_special_tokens": True,
            "tokenizer_add_special_tokens": True,
        },
        "simplescale": {"replicas": 1},
        "hfModelRepo": "meta-llama/Llama-3.1-8B-Instruct",
    }


def test_a_full_create_body_survives_the_wire() -> None:
    """Every field is sent under its wire name and read back as it was."""
    body = DedicatedEndpointCreateBody(
        project_id="project-1",
        name="llama",
        instance_option_id="TwD5AqnBSVN0",
        advanced=EndpointAdvancedConfig(
            max_batch_size=64,
            tokenizer_skip_special_tokens=True,
            tokenizer_add_special_tokens=False,
            max_token_count=4096,
            enable_content_logging=False,
            max_input_length=8192,
            max_context_length=16384,
            queue_timeout_ms=1500,
            queue_backpressure_metric_kind=QueueBackpressureMetricKind.TTFT_MS,
            queue_backpressure_metric_threshold=0.5,
        ),
        autoscaling_policy=AutoscalingPolicy(min_replica=0, max_replica=3, cooldown_period=600),
        hf_model_repo="org/model",
        hf_model_repo_revision="main",
        initial_version_comment="first",
    )
    wire = body.wire()
    assert wire == {
        "projectId": "project-1",
        "name": "llama",
        "instanceOptionId": "TwD5AqnBSVN0",
        "advanced": {
            "max_batch_size": 64,
            "tokenizer_skip_special_tokens": True,
            "tokenizer_add_special_tokens": False,
            "max_token_count": 4096,
            "enable_content_logging": False,
            "max_input_length": 8192,
            "max_context_length": 16384,
            "queue_timeout_ms": 1500,
            "queue_backpressure_metric_kind": "TTFT_MS",
            "queue_backpressure_metric_threshold": 0.5,
        },
        "autoscalingPolicy": {"minReplica": 0, "maxReplica": 3, "cooldownPeriod": 600},
        "hfModelRepo": "org/model",
        "hfModelRepoRevision": "main",
        "initialVersionComment": "first",
    }
    assert DedicatedEndpointCreateBody.model_validate_json(json.dumps(wire)) == body


def test_an_update_body_says_only_what_changes() -> None:
    """An update of one thing names no other."""
    body = DedicatedEndpointUpdateBody(new_version_comment="more", instance_option_id="x")
    assert body.wire() == {"newVersionComment": "more", "instanceOptionId": "x"}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (EndpointSimplescaleConfig, {"replicas": 0}),
        (EndpointSimplescaleConfig, {"replicas": "1"}),
        (EndpointSimplescaleConfig, {"replicas": 1.5}),
        (EndpointSimplescaleConfig, {}),
        (EndpointSimplescaleConfig, {"replicas": 1, "replica": 1}),
        (AutoscalingPolicy, {"minReplica": -1}),
        (AutoscalingPolicy, {"maxReplica": 11}),
        (AutoscalingPolicy, {"cooldownPeriod": None}),
        (EndpointAdvancedConfig, {"tokenizer_skip_special_tokens": True}),
        (EndpointAdvancedConfig, {**ADVANCED.wire(), "max_context_length": 0}),
        (EndpointAdvancedConfig, {**ADVANCED.wire(), "max_token_count": None}),
        (EndpointAdvancedConfig, {**ADVANCED.wire(), "maxBatchSize": 4}),
        (EndpointAdvancedConfig, {**ADVANCED.wire(), "queue_backpressure_metric_kind": "NEW"}),
        (DedicatedEndpointCreateBody, {**CREATE.wire(), "name": None}),
        (DedicatedEndpointCreateBody, {**CREATE.wire(), "advanced": None}),
        (DedicatedEndpointCreateBody, {**CREATE.wire(), "newVersionComment": "no"}),
        (DedicatedEndpointUpdateBody, {"projectId": "elsewhere"}),
    ],
)
def test_a_request_that_the_api_would_refuse_is_refused_here(
    model: type[DedicatedEndpointCreateBody], body: dict[str, object]
) -> None:
    """Bounds, types, required and unknown fields of request bodies are checked."""
    with pytest.raises(ValidationError):
        model.model_validate_json(json.dumps(body))


def test_a_threshold_is_a_number_that_json_can_write() -> None:
    """Infinity and not-a-number are refused, before they would break the request."""
    for value in (float("inf"), float("nan")):
        with pytest.raises(ValidationError):
            EndpointAdvancedConfig(
                tokenizer_skip_special_tokens=True,
                tokenizer_add_special_tokens=True,
                queue_backpressure_metric_threshold=value,
            )


def test_known_values_of_an_answer_become_enum_members() -> None:
    """A documented status, phase and error code are parsed to their members."""
    status = DedicatedEndpointStatus.model_validate(
        {
            "status": "FAILED",
            "errorCode": "INFERENCE_ENGINE_MEMORY_ERROR",
            "createdAt": "2026-11-02T10:00:00Z",
            "updatedAt": "2026-11-02T12:00:00+02:00",
            "phase": "ENGINE_INITIALIZING",
        }
    )
    assert status.status is InferenceDeploymentStatus.FAILED
    assert status.error_code is InferenceDeploymentErrorCode.INFERENCE_ENGINE_MEMORY_ERROR
    assert status.phase is Phase.ENGINE_INITIALIZING
    assert status.created_at == status.updated_at == datetime(2026, 11, 2, 10, tzinfo=UTC)


def test_unknown_values_of_a_status_survive_a_round_trip() -> None:
    """What the API invents tomorrow is kept as it came; further fields of a status aren't kept."""
    answer = {
        "status": "HIBERNATING",
        "errorCode": "QUANTUM_ERROR",
        "createdAt": "2026-11-02T10:00:00Z",
        "updatedAt": None,
        "phase": "SHARDING",
    }
    status = DedicatedEndpointStatus.model_validate({**answer, "region": {"name": "us-east"}})
    assert (status.status, status.error_code, status.phase) == (
        "HIBERNATING",
        "QUANTUM_ERROR",
        "SHARDING",
    )
    assert json.loads(status.model_dump_json(by_alias=True)) == answer


def test_unknown_fields_survive_a_round_trip() -> None:
    """Specs, version histories and lists keep them."""
    spec = {**SPEC, "zone": "b"}
    for model, answer in (
        (DedicatedEndpointSpec, spec),
        (DedicatedEndpointVersionHistoryResponse, {"data": {"0": spec}, "total": 1}),
        (DedicatedEndpointListResponse, {"data": {"e1": STATUS}, "total": 1}),
        (CreateResponse, {**STATUS, "id": "e1"}),
    ):
        parsed = model.model_validate_json(json.dumps(answer))
        assert json.loads(parsed.model_dump_json(by_alias=True, exclude_unset=True)) == answer


def test_a_moment_without_a_zone_is_utc() -> None:
    """All moments are aware, so that comparing two of them never fails."""
    status = DedicatedEndpointStatus.model_validate(
        {"status": "READY", "createdAt": "2026-11-02T10:00:00"}
    )
    assert status.created_at == datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize("odd", [None, [], {"a": 1}, True])
def test_a_status_is_read_as_far_as_it_can_be(odd: object) -> None:
    """A status that can't be read is UNKNOWN, and no field of it hides the others."""
    answer = {"status": odd, "createdAt": odd, "phase": odd, "updatedAt": "2026-11-02T10:00:00Z"}
    status = DedicatedEndpointStatus.model_validate_json(json.dumps(answer))
    assert status.status is InferenceDeploymentStatus.UNKNOWN
    assert status.changed_at == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert DedicatedEndpointStatus.model_validate_json("{}") == DedicatedEndpointStatus()


@pytest.mark.parametrize(
    ("written", "second"),
    [
        ("2026-11-02T10:00:07Z", 7),
        ("2026-11-02T12:00:07.5+02:00", 7),
        ("2026-11-02 10:00:07.123456789Z", 7),
        (1793613607, 7),
        ("1793613607", 7),
        (1793613607000, 7),
    ],
)
def test_a_moment_is_read_in_every_usual_form(written: object, second: int) -> None:
    """With and without fractions, with an offset, or in seconds since 1970."""
    body = json.dumps({"status": "READY", "createdAt": written})
    created_at = DedicatedEndpointStatus.model_validate_json(body).created_at
    assert created_at is not None
    assert created_at.replace(microsecond=0) == datetime(2026, 11, 2, 10, 0, second, tzinfo=UTC)


def test_one_strange_entry_does_not_break_a_list() -> None:
    """An id that is listed is an endpoint; only what no request could name is left out."""
    page = DedicatedEndpointListResponse.model_validate_json(
        json.dumps(
            {
                "data": {
                    "plain": STATUS,
                    "null": None,
                    "text": "RUNNING",
                    "list": [],
                    "empty": {},
                    "7c9e6679-7425-40de-944b-e07fc1f90ae7": {**STATUS, "createdAt": None},
                    "a/b c?d#ü": STATUS,
                    "": STATUS,
                    "\x00": STATUS,
                }
            }
        )
    )
    assert list(page.data) == [
        "plain",
        "null",
        "text",
        "list",
        "empty",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "a/b c?d#ü",
    ]
    assert page.data["plain"].status is InferenceDeploymentStatus.INITIALIZING
    assert page.data["text"].status is InferenceDeploymentStatus.UNKNOWN


def test_an_empty_project_may_be_null_but_an_error_page_is_no_list() -> None:
    """A list without endpoints is complete; what isn't a map says nothing about the project."""
    assert DedicatedEndpointListResponse.model_validate_json('{"data": null}').data == {}
    for body in ('{"data": []}', '{"data": "none"}', "[]"):
        with pytest.raises(ValidationError):
            DedicatedEndpointListResponse.model_validate_json(body)


@pytest.mark.parametrize("odd", [None, [], {"a": 1}, "x" * 40, -1, 10**40])
def test_no_field_of_a_spec_hides_the_others(odd: object) -> None:
    """Whatever stands in any field but one, that one is read."""
    fields = {field.alias or "" for field in DedicatedEndpointSpec.model_fields.values()}
    for field in fields:
        body = json.dumps({**dict.fromkeys(fields, odd), field: SPEC.get(field)})
        spec = DedicatedEndpointSpec.model_validate_json(body)
        assert spec.model_dump(by_alias=True)[field] == SPEC.get(field)


def test_counts_may_be_written_as_texts() -> None:
    """Numbers as texts, and texts as numbers, are read as what they say."""
    body = {"name": 7, "numGpu": "2", "autoscalingMin": "0", "autoscalingMax": 3.0}
    spec = DedicatedEndpointSpec.model_validate_json(json.dumps(body))
    assert (spec.name, spec.num_gpu, spec.autoscaling_min, spec.autoscaling_max) == ("7", 2, 0, 3)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"id": "dep1"}, "dep1"),
        ({"endpointId": "dep1", "id": "request-7"}, "dep1"),
        ({"id": 42}, "42"),
        ({"id": None, "endpointId": ""}, None),
        ({"id": ["dep1"]}, None),
        ({}, None),
    ],
)
def test_an_id_in_a_create_answer_is_read_although_none_is_documented(
    fields: dict[str, object], names: str | None
) -> None:
    """`endpointId` goes before `id`, which may be anything's."""
    assert CreateResponse.model_validate_json(json.dumps(fields)).names == names


@pytest.mark.parametrize("created_at", [None, "", "soon", [], {}])
def test_a_create_answer_is_read_as_far_as_it_can_be(created_at: object) -> None:
    """A malformed field of an answer to create is None and doesn't hide the others."""
    answer = CreateResponse.model_validate(
        {"createdAt": created_at, "status": "INITIALIZING", "phase": []}
    )
    assert answer.created_at is None
    assert answer.phase is None
    assert answer.status is InferenceDeploymentStatus.INITIALIZING
