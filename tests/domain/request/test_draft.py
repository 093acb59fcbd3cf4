from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.instances import INSTANCE_OPTIONS, PUBLISHED_PRICES
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft, longest
from bot.domain.request.proposed_name import new_tag, propose_name
from bot.domain.schemas import AutoscalingPolicy, QueueBackpressureMetricKind

BUTTON_VALUE = 1_960  # Slack's limit of 2,000, less what goes beside the draft
CLIPPED = 2_500  # what a modal's 3,000 leave room for, beside the rest of the form
ASTRAL = "\N{GRINNING FACE}"

TYPED = st.none() | st.text(max_size=700)
NOT_TEXT = {
    *("scaling", "skip_special_tokens", "add_special_tokens", "content_logging", "anyway"),
}
DRAFTS = st.builds(
    DeployDraft,
    scaling=st.sampled_from([None, "fixed", "auto", "friendli"]),
    skip_special_tokens=st.none() | st.booleans(),
    add_special_tokens=st.none() | st.booleans(),
    content_logging=st.none() | st.booleans(),
    anyway=st.none() | st.just(True),  # noqa: FBT003 - a strategy
    **{field: TYPED for field in DeployDraft.model_fields if field not in NOT_TEXT},
)


def utf16_units(text: str) -> int:
    """Count characters the way JavaScript does."""
    return len(text.encode("utf-16-le")) // 2


def request(**chosen: object) -> DeployRequest:
    """Make a request for one replica, or what was chosen instead."""
    return DeployRequest.model_validate(
        {
            "target": "prod",
            "model": "meta-llama/Llama-3.1-8B-Instruct",
            "name": "my-llama",
            "instance_option_id": "zfTutSiLn0Hq",
            **({} if "autoscaling" in chosen else {"replicas": 1}),
            **chosen,
        }
    )


@given(DRAFTS)
def test_a_draft_survives_its_trip_through_slack(draft: DeployDraft) -> None:
    """What a button or a modal carries is read back exactly."""
    assert DeployDraft.from_json(draft.to_json()) == draft


def test_a_draft_is_compact() -> None:
    """Keys are single letters, and what was not typed is left out."""
    draft = DeployDraft(model="org/name", gpu="2xH100", skip_special_tokens=False)
    assert draft.to_json() == '{"m":"org/name","g":"2xH100","e":false}'


def test_nothing_typed_and_an_emptied_field_are_the_same() -> None:
    """An empty text counts as not typed."""
    assert DeployDraft(name="") == DeployDraft()


@given(DRAFTS)
def test_a_clipped_draft_fits_into_a_modal(draft: DeployDraft) -> None:
    """However much was typed, the clipped draft leaves room in a modal's metadata."""
    clipped = draft.clipped().to_json()
    assert utf16_units(clipped) <= CLIPPED


@pytest.mark.parametrize("character", ["x", '"', "\\", "\n", "\x00", ASTRAL])
def test_the_heaviest_draft_fits_into_a_modal(character: str) -> None:
    """Text that JSON spells out with more characters doesn't outgrow the modal either."""
    heavy = {
        field: character * 5_000
        for field, value in DeployDraft.model_fields.items()
        if "str" in str(value.annotation)
    }
    draft = DeployDraft(
        **heavy, skip_special_tokens=False, add_special_tokens=False, content_logging=False
    )
    assert 1_500 < utf16_units(draft.clipped().to_json()) <= CLIPPED


@given(DRAFTS)
def test_clipping_changes_only_what_is_too_long_or_unprintable(draft: DeployDraft) -> None:
    """A draft of ordinary lengths is carried as it is."""
    ordinary = draft.model_copy(
        update={
            field: "".join(c for c in value if c.isalnum() and c.isascii())[: longest(field)]
            for field, value in draft
            if isinstance(value, str) and field != "scaling"
        }
    )
    assert ordinary.clipped() == ordinary


@pytest.mark.parametrize("character", ["x", '"', "\\", ASTRAL])
def test_the_draft_of_any_request_fits_into_a_button(character: str) -> None:
    """The longest valid values together leave room for an id in a button's value."""
    heaviest = request(
        target="t" * 40,
        model=f"{'o' * 96}/{'n' * 96}",
        name=character * 100,
        comment=character * 500,
        revision="r" * 255,
        lifetime_seconds=129_599 * 60,
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
    draft = heaviest.draft()
    assert utf16_units(draft.to_json()) <= BUTTON_VALUE
    assert draft.clipped() == draft


@pytest.mark.parametrize(
    ("draft", "scaling"),
    [
        (DeployDraft(), None),
        (DeployDraft(replicas="2"), "fixed"),
        (DeployDraft(max_replicas="2"), "auto"),
        (DeployDraft(cooldown="60"), "auto"),
        (DeployDraft(scaling="fixed", max_replicas="2"), "fixed"),
        (DeployDraft(scaling="auto", replicas="2"), "auto"),
        (DeployDraft(scaling="friendli", replicas="2"), "friendli"),
    ],
)
def test_scaling_is_what_was_chosen_or_what_the_numbers_imply(
    draft: DeployDraft, scaling: str | None
) -> None:
    """Numbers of the scaling that was not chosen decide nothing."""
    assert draft.named_scaling == scaling


@pytest.mark.parametrize(
    ("draft", "effective"),
    [
        (DeployDraft(), DeployDraft(scaling="auto", min_replicas="0", max_replicas="1")),
        (
            DeployDraft(scaling="friendli", replicas="2", max_replicas="1"),
            DeployDraft(scaling="friendli"),
        ),
        (
            DeployDraft(scaling="fixed", replicas="2", min_replicas="1", cooldown="9"),
            DeployDraft(scaling="fixed", replicas="2"),
        ),
        (
            DeployDraft(scaling="auto", replicas="2"),
            DeployDraft(scaling="auto", min_replicas="0", max_replicas="1"),
        ),
        (DeployDraft(cooldown="60"), DeployDraft(scaling="auto", cooldown="60")),
    ],
)
def test_the_effective_draft_has_one_scaling(draft: DeployDraft, effective: DeployDraft) -> None:
    """What the other scaling kept is gone, and an empty policy is spelled out."""
    assert draft.effective() == effective


@pytest.mark.parametrize(
    ("scaling", "words", "full_price"),
    [
        ({"replicas": 1}, "1 replica", "10.0"),
        ({"replicas": 2}, "2 replicas", "20.0"),
        (
            {"autoscaling": {"min_replica": 0, "max_replica": 3}},
            "0\N{EN DASH}3 replicas",
            "30.0",
        ),
        ({"autoscaling": {"min_replica": 0, "max_replica": 1}}, "0\N{EN DASH}1 replicas", "10.0"),
        ({"autoscaling": {"min_replica": 1, "max_replica": 1}}, "1 replica", "10.0"),
    ],
)
def test_replicas_and_their_price(scaling: dict[str, object], words: str, full_price: str) -> None:
    """A request says how many replicas it means, and what they cost one by one and together."""
    asked = request(**scaling)
    assert asked.replicas_text == words
    assert asked.price_per_replica(PUBLISHED_PRICES) == Decimal("10.0")
    assert asked.price_at_full_scale(PUBLISHED_PRICES) == Decimal(full_price)


def test_a_request_scales_one_way() -> None:
    """Fixed replicas beside a policy are no request."""
    policy = AutoscalingPolicy()
    with pytest.raises(ValidationError):
        request(autoscaling=policy, replicas=1)


def test_with_neither_scaling_the_price_of_all_replicas_is_not_known() -> None:
    """What Friendli decides is called that, and counts as more than any price."""
    asked = request(replicas=None)
    assert asked.replicas_text == "Friendli's default scaling"
    assert asked.price_per_replica(PUBLISHED_PRICES) == Decimal("10.0")
    assert asked.price_at_full_scale(PUBLISHED_PRICES) is None
    assert asked.draft().scaling == "friendli"


def test_a_plain_request_sends_only_what_the_api_requires() -> None:
    """Whatever was not chosen is not sent, so that the API's defaults hold."""
    assert request().create_body("project-1").wire() == {
        "projectId": "project-1",
        "name": "my-llama",
        "instanceOptionId": "zfTutSiLn0Hq",
        "advanced": {"tokenizer_skip_special_tokens": True, "tokenizer_add_special_tokens": True},
        "simplescale": {"replicas": 1},
        "hfModelRepo": "meta-llama/Llama-3.1-8B-Instruct",
    }


FULL = request(
    autoscaling={"min_replica": 0, "max_replica": 3, "cooldown_period": 600},
    lifetime_seconds=8 * 3600,
    revision="main",
    comment="first try",
    max_batch_size=64,
    max_input_length=4096,
    max_token_count=2560,
    max_context_length=8192,
    skip_special_tokens=False,
    add_special_tokens=False,
    content_logging=True,
    queue_timeout_ms=30_000,
    queue_backpressure_metric=QueueBackpressureMetricKind.TTFT_MS,
    queue_backpressure_threshold=0.5,
)


def test_every_field_of_the_create_body_is_reachable() -> None:
    """A request in which all is chosen fills the whole body."""
    assert FULL.create_body("project-1").wire() == {
        "projectId": "project-1",
        "name": "my-llama",
        "instanceOptionId": "zfTutSiLn0Hq",
        "advanced": {
            "max_batch_size": 64,
            "tokenizer_skip_special_tokens": False,
            "tokenizer_add_special_tokens": False,
            "max_token_count": 2560,
            "enable_content_logging": True,
            "max_input_length": 4096,
            "max_context_length": 8192,
            "queue_timeout_ms": 30_000,
            "queue_backpressure_metric_kind": "TTFT_MS",
            "queue_backpressure_metric_threshold": 0.5,
        },
        "autoscalingPolicy": {"minReplica": 0, "maxReplica": 3, "cooldownPeriod": 600},
        "hfModelRepo": "meta-llama/Llama-3.1-8B-Instruct",
        "hfModelRepoRevision": "main",
        "initialVersionComment": "first try",
    }


def test_a_request_survives_storage() -> None:
    """What is stored is read back exactly."""
    assert DeployRequest.from_json(FULL.to_json()) == FULL
    assert DeployRequest.from_json(request().to_json()) == request()


def test_every_instance_option_can_be_asked_for() -> None:
    """A request knows its option by the API's id."""
    for option in INSTANCE_OPTIONS:
        assert request(instance_option_id=option.id).option is option


def test_an_instance_option_that_the_table_lacks_is_known_by_its_id_alone() -> None:
    """It is shown and sent by its id, and nobody knows what it costs."""
    asked = request(instance_option_id="Ab3dEf6hIj9k")
    assert asked.option.label == "instance Ab3dEf6hIj9k"
    assert asked.draft().gpu == "id:Ab3dEf6hIj9k"
    assert asked.price_per_replica(PUBLISHED_PRICES) is None
    assert asked.price_at_full_scale(PUBLISHED_PRICES) is None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3-1-8b-instruct-k7wq"),
        ("https://huggingface.co/01-ai/Yi_1.5/tree/main", "yi-1-5-k7wq"),
        ("org/___", "endpoint-k7wq"),
        ("", "endpoint-k7wq"),
        ("org/" + "a" * 90, "a" * 50 + "-k7wq"),
        ("org/" + "a" * 49 + "-b", "a" * 49 + "-k7wq"),
    ],
)
def test_a_name_is_made_from_the_models(model: str, name: str) -> None:
    """A proposed name is the model's, in lower case with hyphens, and a tag."""
    assert propose_name(model, "k7wq") == name


def test_tags_are_short_distinct_and_easy_to_read() -> None:
    """A tag has four characters, none of which looks like another or spells a word."""
    tags = {new_tag() for _ in range(200)}
    assert len(tags) > 190
    assert all(len(tag) == 4 for tag in tags)
    assert not set("".join(tags)) & set("01lioaeuyABC")
