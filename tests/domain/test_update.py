"""Tests of what an update sends, what it leaves out, and which version it made."""

from decimal import Decimal

import pytest

from bot.commands.update_state import UpdateReviewState, UpdateState
from bot.domain.actors import ChannelRef
from bot.domain.instances import PUBLISHED_PRICES
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.schemas import AutoscalingPolicy, DedicatedEndpointSpec, QueueBackpressureMetricKind
from bot.domain.update import (
    Update,
    applied_to_spec,
    body,
    build_update,
    created_version,
    edits,
    next_version,
    rolled_back,
    with_edits,
)
from bot.domain.version import Version, changed, differences, in_order, newest
from bot.domain.version_history import RunningVersion
from tests.domain.request.test_draft import request, utf16_units

SPEC = DedicatedEndpointSpec(
    name="elsewhere",
    gpu_type="NVIDIA H100",
    num_gpu=2,
    project_id="project",
    autoscaling_min=0,
    autoscaling_max=3,
    autoscaling_cooldown=600,
    max_batch_size=64,
    tokenizer_skip_special_tokens=False,
    tokenizer_add_special_tokens=True,
)
ODD = SPEC.model_copy(update={"gpu_type": "NVIDIA X1"})
OURS = Version(request(revision="v1", max_batch_size=8, queue_timeout_ms=500, comment="first"))
THEIRS = Version.of_spec(SPEC, "prod")


def wanted(before: Version, **typed: object) -> Version:
    """The next version, with some fields typed anew."""
    after = next_version(before, before.draft().model_copy(update=typed))
    assert isinstance(after, Version)
    return after


def sent(before: Version, **typed: object) -> object:
    """What an update sends when some fields are typed anew."""
    made_of = body(before, wanted(before, **typed))
    return None if made_of is None else made_of.wire()


@pytest.mark.parametrize("before", [OURS, THEIRS])
def test_what_stays_is_not_sent(before: Version) -> None:
    """Without a change there is nothing to send, and a comment alone is none."""
    assert sent(before) is None
    assert sent(before, comment="only this") is None


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ({"gpu": "1xA100"}, {"instanceOptionId": "ShbPuOs4tfGb"}),
        ({"replicas": "2"}, {"simplescale": {"replicas": 2}}),
        ({"name": "other"}, {"name": "other"}),
        ({"name": None}, None),
        ({"revision": None}, {"hfModelRepoRevision": "main"}),
        (
            {"model": "org/b", "comment": "new"},
            {"hfModelRepo": "org/b", "newVersionComment": "new"},
        ),
        (
            {"max_batch_size": None},
            {
                "advanced": {
                    "tokenizer_skip_special_tokens": True,
                    "tokenizer_add_special_tokens": True,
                    "queue_timeout_ms": 500,
                }
            },
        ),
    ],
)
def test_what_changes_is_sent_alone(typed: dict[str, object], wire: object) -> None:
    """But for the engine's settings, which the API takes together."""
    assert sent(OURS, **typed) == wire


def test_what_nobody_knows_is_not_sent() -> None:
    """Of an endpoint made elsewhere the model stays; another one is taken from its own branch."""
    assert sent(THEIRS, max_replicas="2") == {
        "autoscalingPolicy": {"minReplica": 0, "maxReplica": 2, "cooldownPeriod": 600}
    }
    assert sent(THEIRS, model="org/b") == {"hfModelRepo": "org/b", "hfModelRepoRevision": "main"}
    assert sent(THEIRS, max_input_length="100") == {
        "advanced": {
            "max_batch_size": 64,
            "tokenizer_skip_special_tokens": False,
            "tokenizer_add_special_tokens": True,
            "max_input_length": 100,
        }
    }


def test_a_gpu_that_nobody_here_knows_stays() -> None:
    """Its price isn't known, and any other setting can be changed."""
    odd = Version.of_spec(ODD)
    assert odd.draft().gpu is None
    assert odd.cost(PUBLISHED_PRICES).each is None
    assert sent(odd, max_replicas="2") == sent(THEIRS, max_replicas="2")


@pytest.mark.parametrize(
    ("before", "typed", "expected"),
    [
        (OURS, {"replicas": "3"}, (True, Decimal("30.0"))),
        (OURS, {"gpu": "1xA100"}, (False, Decimal("4.0"))),
        (OURS, {"max_batch_size": "9"}, (False, Decimal("10.0"))),
        (Version.of_spec(ODD), {"gpu": "1xH100"}, (True, Decimal("15.0"))),
        (Version.of_spec(ODD), {"max_replicas": "4"}, (True, None)),
        (Version.of_spec(ODD), {"max_replicas": "2"}, (False, None)),
        (Version.of_spec(ODD), {"max_batch_size": "9"}, (False, None)),
    ],
)
def test_an_update_says_whether_it_may_cost_more(
    before: Version, typed: dict[str, object], expected: tuple[bool, Decimal | None]
) -> None:
    """At full scale; where a price isn't known, other GPUs or more of them may cost more."""
    update = build_update(before, wanted(before, **typed), replaces="0", prices=PUBLISHED_PRICES)
    assert update is not None
    again = Update.stored(update.to_row())
    for one in (update, again):
        assert (one.may_cost_more, one.cost_after(PUBLISHED_PRICES)) == expected


def test_a_strange_name_from_elsewhere_may_stay() -> None:
    """The rules are for what is typed here."""
    strange = Version.of_spec(SPEC.model_copy(update={"name": "a\nb" * 100}))
    assert sent(strange, max_replicas="2") == sent(THEIRS, max_replicas="2")


def test_a_wrong_value_is_a_slip() -> None:
    """By the same rules as a deployment's."""
    field_errors = next_version(
        OURS, OURS.draft().model_copy(update={"replicas": "0", "model": None})
    )
    assert isinstance(field_errors, tuple)
    assert [field_error.field for field_error in field_errors] == ["model", "replicas"]


@pytest.mark.parametrize("before", [OURS, THEIRS])
@pytest.mark.parametrize(
    "typed",
    [
        {"replicas": "4", "scaling": "fixed"},
        {"scaling": "auto", "min_replicas": "1", "max_replicas": "5"},
        {"max_batch_size": None, "content_logging": True, "skip_special_tokens": None},
        {"revision": None, "model": "org/b"},
    ],
)
def test_edits_lead_to_the_same_version(before: Version, typed: dict[str, object]) -> None:
    """What a button carries, applied to what runs, is what was asked for; emptied fields too."""
    after = wanted(before, **typed)
    carried = DeployDraft.model_validate_json(
        edits(before, after).model_dump_json(exclude_unset=True)
    )
    again = next_version(before, with_edits(before, carried))
    assert isinstance(again, Version)
    assert body(before, again) == body(before, after)


def test_an_update_is_stored_and_read_back() -> None:
    """With everything that it sends."""
    after = wanted(OURS, queue_backpressure_metric="TTFT_MS", queue_backpressure_threshold="1.5")
    update = build_update(OURS, after, replaces="3", prices=PUBLISHED_PRICES)
    assert update is not None
    assert Update.stored(update.to_row()) == update


@pytest.mark.parametrize("character", ["x", '"', "\\", "\N{GRINNING FACE}"])
def test_the_heaviest_update_fits_into_a_button_and_a_modal(character: str) -> None:
    """Every field changed to its longest value, beside what names the endpoint."""
    before = Version(request(autoscaling=AutoscalingPolicy()))
    after = Version(
        DeployRequest(
            target="t" * 40,
            model=f"{'o' * 96}/{'n' * 96}",
            name=character * 100,
            instance_option_id="AFoZMFXZnAdD",
            comment=character * 500,
            revision="r" * 255,
            replicas=999_999_999,
            max_batch_size=999_999_999,
            max_input_length=999_999_999,
            max_token_count=999_999_999,
            max_context_length=999_999_999,
            skip_special_tokens=False,
            add_special_tokens=False,
            content_logging=False,
            queue_timeout_ms=999_999_999,
            queue_backpressure_metric=max(QueueBackpressureMetricKind, key=len),
            queue_backpressure_threshold=123_456_789.12345679,
        )
    )
    runs = RunningVersion("p" * 32, "it", "prod", before, "99999", None, "RUNNING")
    carried = UpdateState.of(runs, after)
    assert utf16_units(carried.to_json()) <= 2_000
    held = UpdateReviewState(place=ChannelRef("E" * 11, "T" * 11, "C" * 11), state=carried)
    assert utf16_units(held.to_json()) <= 3_000
    assert UpdateState.model_validate_json(carried.to_json()) == carried


def test_versions_are_ordered_by_number() -> None:
    """Ten comes after nine."""
    history = dict.fromkeys(["10", "0", "9"], SPEC)
    assert in_order(history) == ["0", "9", "10"]
    assert newest(history) == "10"
    assert newest({}) is None


def test_the_version_that_an_update_made_is_the_first_that_fits() -> None:
    """Not one from before, nor one that somebody else made meanwhile."""
    after = wanted(THEIRS, max_replicas="2", max_batch_size="32")
    update = build_update(THEIRS, after, replaces="1", prices=PUBLISHED_PRICES)
    assert update is not None
    ours = applied_to_spec(SPEC, after)
    assert created_version({"0": ours, "1": SPEC}, update) is None
    assert created_version({"0": SPEC, "1": SPEC, "2": SPEC}, update) is None
    assert created_version({"1": SPEC, "2": SPEC, "3": ours, "4": ours}, update) == "3"


@pytest.mark.parametrize(
    "worded",
    [
        {"autoscaling_min": 0},
        {"autoscaling_min": None, "autoscaling_max": None, "autoscaling_cooldown": None},
        {"num_gpu": 4},
        {"gpu_type": None, "num_gpu": None},
    ],
)
def test_a_version_that_is_worded_otherwise_is_recognized(worded: dict[str, object]) -> None:
    """A fixed number shows from zero, or the GPUs of all replicas together, or neither shows."""
    after = wanted(OURS, gpu="1xH100", replicas="4")
    update = build_update(OURS, after, replaces="1", prices=PUBLISHED_PRICES)
    assert update is not None
    ours = applied_to_spec(SPEC.model_copy(update={"max_batch_size": 8}), after)
    history = {"1": SPEC, "2": ours.model_copy(update=worded)}
    assert created_version(history, update) == "2"
    other = ours.model_copy(update={"autoscaling_max": 5, "autoscaling_min": 5})
    assert created_version({"1": SPEC, "2": other}, update) is None


def test_a_spec_follows_an_update() -> None:
    """As the API will tell it."""
    after = wanted(THEIRS, gpu="1xA100", scaling="fixed", replicas="4", name="renamed")
    told = applied_to_spec(SPEC, after)
    assert changed(after, Version.of_spec(told)) == frozenset()
    assert (told.name, told.num_gpu, told.autoscaling_min) == ("renamed", 1, 4)


def test_going_back_takes_everything_that_is_known() -> None:
    """Of a version made here all of it; of another one what the API tells."""
    later = wanted(OURS, model="org/b", revision=None, queue_timeout_ms="900", gpu="1xA100")
    whole = next_version(later, rolled_back(later, OURS, "0"))
    assert isinstance(whole, Version)
    assert changed(OURS, whole) == frozenset()
    assert whole.request.comment == "Back to version 0"
    partly = next_version(later, rolled_back(later, THEIRS, "1"))
    assert isinstance(partly, Version)
    assert partly.request.model == "org/b"
    assert changed(partly, THEIRS) == frozenset()


def test_an_update_leaves_the_end_as_it_is() -> None:
    """Whatever the form or a line says of it."""
    ending = Version(request(lifetime_seconds=3600))
    assert ending.draft().lifetime is None
    assert sent(ending, lease="2d") is None
    assert wanted(ending, gpu="1xA100").request.lifetime_seconds == 3600


def test_differences_name_old_and_new() -> None:
    """In the order of the form; a model is shown with its revision."""
    after = wanted(OURS, model="org/b", revision="v2", gpu="1xA100", content_logging=True)
    assert [(one.label, one.before, one.after) for one in differences(OURS, after)] == [
        ("Model", "meta-llama/Llama-3.1-8B-Instruct @ v1", "org/b @ v2"),
        ("Instance", "2 × H100", "1 × A100"),
        ("Content logging", "off", "on"),
    ]
    [one] = differences(THEIRS, wanted(THEIRS, model="org/b"))[:1]
    assert (one.before, one.after) == (None, "org/b")
