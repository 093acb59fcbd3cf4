"""Nobody agrees to what they can't see: all that is sent is shown before it is sent."""

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel

from bot.commands.update_state import UpdateState
from bot.domain.deployment_state import DeploymentState
from bot.domain.instances import INSTANCE_OPTIONS, PUBLISHED_PRICES
from bot.domain.policy import ExpiryAction
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rule import LABELS
from bot.domain.request.sent_fields import FORM_FIELDS, field_at, sent_fields
from bot.domain.schemas import (
    AutoscalingPolicy,
    DedicatedEndpointCreateBody,
    DedicatedEndpointUpdateBody,
    QueueBackpressureMetricKind,
    RequestModel,
)
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.messages.body import Body
from bot.messages.preview import preview
from bot.messages.status_message import root
from bot.messages.update_diff import in_thread, question
from tests.messages import shown

FIXED = DeployRequest(
    target="prod",
    model="org/model",
    name="it",
    instance_option_id=INSTANCE_OPTIONS[0].id,
    replicas=7,
    revision="a-branch",
    comment="x" * 500,
    max_batch_size=101,
    max_input_length=102,
    max_token_count=103,
    max_context_length=104,
    skip_special_tokens=False,
    add_special_tokens=True,
    content_logging=True,
    queue_timeout_ms=105,
    queue_backpressure_metric=QueueBackpressureMetricKind.TTFT_MS,
    queue_backpressure_threshold=1234567.5,
)
AUTO = FIXED.model_copy(
    update={
        "replicas": None,
        "autoscaling": AutoscalingPolicy(min_replica=2, max_replica=9, cooldown_period=106),
    }
)
BOTH = pytest.mark.parametrize("request_", [FIXED, AUTO], ids=["fixed", "auto"])


def leaves(model: type[BaseModel]) -> Iterator[str]:
    """Every field of a request model that holds a value."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        nested = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
        if not nested:
            yield name
        for one in nested:
            yield from leaves(one)


def values(body: RequestModel) -> list[str]:
    """The values of all that is sent, as people read them."""
    return [one.value for one in sent_fields(body)]


@pytest.mark.parametrize("model", [DedicatedEndpointCreateBody, DedicatedEndpointUpdateBody])
def test_every_field_of_a_request_is_known_by_its_form_field(model: type[BaseModel]) -> None:
    """One that is added to the model wants a line in the table, and a field of the form."""
    sent = {name for name in leaves(model) if name != "project_id"}
    assert sent - FORM_FIELDS.keys() == set()
    assert {FORM_FIELDS[name] for name in sent} <= DeployDraft.model_fields.keys() & LABELS.keys()


def test_a_request_says_all_that_it_sends_and_content_logging_first() -> None:
    """By the names of the form; every field of the model is among it, or in the headline."""
    said = {one.label: one.value for one in [*AUTO.sent, *FIXED.sent]}
    assert said | {"Version comment": "…"} == snapshot(
        {
            "Content logging": "on",
            "Max batch size": "101",
            "Skip special tokens": "off",
            "Add special tokens": "on",
            "Max token count": "103",
            "Max input length": "102",
            "Max context length": "104",
            "Queue time-out": "105 ms",
            "Backpressure metric": "TTFT_MS",
            "Backpressure threshold": "1234567.5",
            "Cool-down": "106 s",
            "Version comment": "…",
        }
    )
    found = {one.field for one in [*AUTO.sent, *FIXED.sent]}
    assert set(leaves(DedicatedEndpointCreateBody)) - found == snapshot(
        {
            "hf_model_repo",
            "hf_model_repo_revision",
            "instance_option_id",
            "max_replica",
            "min_replica",
            "name",
            "project_id",
            "replicas",
        }
    )


def test_what_is_left_to_friendli_is_not_shown() -> None:
    """A plain request sends little, and says so."""
    assert [f"{one.label}: {one.value}" for one in shown.REQUEST.sent] == snapshot(
        ["Skip special tokens: on", "Add special tokens: on"]
    )


@BOTH
def test_the_preview_shows_it(request_: DeployRequest) -> None:
    """Whole, not folded."""
    said = preview(
        request_,
        PUBLISHED_PRICES,
        expiry_action=ExpiryAction.SLEEP,
        deploy_value="1",
        change_value="1",
        present=shown.AT,
    )
    assert missing(request_, said) == []
    assert f"*it* on {request_.option.label}, {request_.replicas_text}, in" in said.text
    assert "Add special tokens: `on`" in said.text
    assert [block["expand"] for block in said.blocks if "expand" in block] == [True]


@BOTH
@pytest.mark.parametrize("state", list(DeploymentState))
def test_the_status_message_shows_it(request_: DeployRequest, state: DeploymentState) -> None:
    """In every state; to those who approve it, not folded."""
    facts = next(facts for facts in shown.every_facts() if facts.state is state)
    said = root(replace(facts, setup=replace(facts.setup, sent=request_.sent)))
    assert missing(request_, said) == []
    unfolded = [block for block in said.blocks if block.get("expand")]
    assert len(unfolded) == (state is DeploymentState.PROPOSED)


@BOTH
def test_an_update_shows_it(request_: DeployRequest) -> None:
    """What differs and what is sent again, before somebody agrees and in the thread."""
    before, after = Version(request_), Version(request_.model_copy(update={"max_batch_size": 1}))
    runs = RunningVersion("0" * 32, "it", "prod", before, "1", None, Status.RUNNING.value)
    step = UpdateState.of(runs, after).step(runs, after)
    engine = values(after.request.engine())
    asked = question(step, PUBLISHED_PRICES, value="1")
    thread = in_thread(before, after, PUBLISHED_PRICES)
    for text in (asked.text, thread):
        assert [value for value in engine if value not in text] == []
        assert request_.comment is not None
        assert request_.comment in text


def test_an_update_repeats_nothing_that_it_does_not_send() -> None:
    """Only the engine's settings go together."""
    before = Version(shown.REQUEST)
    after = Version(shown.REQUEST.model_copy(update={"replicas": 2}))
    assert in_thread(before, after, PUBLISHED_PRICES) == snapshot("""\
Replicas: `1 replica` → `2 replicas`
$4.00/h → *$8.00/h*\
""")


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (["autoscalingPolicy", "minReplica"], "min_replica"),
        (["advanced", "max_batch_size"], "max_batch_size"),
        (["hfModelRepoRevision", "string"], "hf_model_repo_revision"),
        (["advanced", "enable_content_logging", "bool"], "enable_content_logging"),
        (["simplescale", "EndpointSimplescaleConfig", "replicas"], "replicas"),
        (["simplescale"], "simplescale"),
        (["somethingNew"], "something_new"),
        ([], ""),
    ],
)
def test_the_api_s_path_to_a_field_names_it(place: list[str], field: str) -> None:
    """As it is on the wire, with the names that validation of a union adds."""
    assert field_at(place) == field


def missing(request: DeployRequest, said: Body) -> list[str]:
    """What is sent and is missing from the text or the blocks of a message."""
    blocks = str(said.blocks)
    wanted = [one.value for one in request.sent if not one.is_default]
    return [value for value in wanted if value not in said.text or value not in blocks]
