import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.commands.deploy_cost import NO_INSTANCE, UNLISTED_INSTANCE, cost_line
from bot.commands.deploy_form import (
    ADVANCED_ACTION,
    FormState,
    TargetChoice,
    Updating,
    build,
    errors_by_block,
    has_hidden,
    parse,
    react,
    with_errors,
)
from bot.commands.deploy_form_state import FLAGS_ACTION
from bot.domain.actors import ChannelRef
from bot.domain.instances import INSTANCE_OPTIONS, PUBLISHED_PRICES
from bot.domain.phase_times import UsualTime
from bot.domain.policy import ExpiryAction
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rules import FieldError, check
from bot.domain.schemas import AutoscalingPolicy
from bot.messages import model_options
from bot.sandbox.slack.blocks import check_view, check_view_errors
from bot.sandbox.slack.fields import Field, chosen, options
from bot.sandbox.slack.view import View
from bot.services.model_history import SeenBefore
from tests.domain.request.test_draft import ASTRAL, DRAFTS, FULL, utf16_units

PLACE = ChannelRef("E0123456789", "T0123456789", "C0123456789")
PROD = TargetChoice("prod", "project-1")
STAGING = TargetChoice("staging", "project-2")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
REQUEST_ID = "0123456789abcdef0123456789abcdef"


class Screen:
    """A person in front of the modal: Slack keeps what is typed as its documentation says."""

    def __init__(
        self,
        draft: DeployDraft | None = None,
        *,
        targets: Sequence[TargetChoice] = (PROD,),
        advanced_open: bool = False,
    ) -> None:
        self.targets = targets
        state = FormState(
            request_id=REQUEST_ID,
            place=PLACE,
            draft=draft or DeployDraft(),
            advanced_open=advanced_open,
            tag="k7wq",
        )
        self.view = View(id="V1", user_id="U1", body=self._drawn(state), hash="1", root_id="V1")
        self.view.reset_values()

    def _drawn(self, state: FormState) -> dict[str, object]:
        view = build(state, targets=self.targets, prices=PUBLISHED_PRICES)
        assert check_view(view) == []
        return view

    def payload(self) -> Mapping[str, object]:
        """The view as Slack sends it with an action or a submission."""
        return {**self.view.body, "state": {"values": self.view.values}}

    def field(self, name: str) -> Field:
        """The element of a field."""
        return next(field for field in self.view.fields() if field.action_id == f"deploy.{name}")

    def shown(self) -> list[str]:
        """The labels on the screen, top to bottom."""
        return [block["label"]["text"] for block in self.view.blocks if block["type"] == "input"]

    def typed(self, name: str) -> object:
        """What stands in a field."""
        state = self.view.value(self.field(name)) or {}
        choice = state.get("selected_option")
        return choice["value"] if choice else state.get("value")

    def cost(self) -> str:
        """The line of money."""
        (block,) = (b for b in self.view.blocks if b["block_id"] == "deploy.cost")
        return str(block["elements"][0]["text"])

    def fill(self, **values: str | list[str] | None) -> None:
        """Type or choose; the modal is drawn again where the field asks for that."""
        for name, value in values.items():
            field = self.field(name)
            choices = options(field.element)
            if field.type == "external_select" and isinstance(value, str):
                choices = model_options.options(str(value), (), (), NOW)
            self.view.set_value(field, chosen(field.element, value, choices))
            if field.dispatch_action:
                self.act(field.action_id)

    def act(self, action: str) -> None:
        """Use something that draws the modal again."""
        state = react(parse(self.payload()), action)
        self.view.replace(self._drawn(state), "2")

    def toggle_advanced(self) -> None:
        """Press the Advanced button."""
        self.act(ADVANCED_ACTION)

    def submit(self) -> DeployRequest | tuple[FieldError, ...]:
        """Press Deploy."""
        state = parse(self.payload())
        return check(
            state.draft,
            targets=[target.name for target in self.targets],
            default_target=self.targets[0].name,
            tag=state.tag,
        )


BASIC = ["Model", "Endpoint name", "Instance", "Scaling"]
AUTO = [*BASIC, "Minimum replicas", "Maximum replicas", "Cool-down", "Lifetime"]
FIXED = [*BASIC, "Replicas", "Lifetime"]
ADVANCED = [
    "Revision",
    "Version comment",
    "Max batch size",
    "Max input length",
    "Max token count",
    "Max context length",
    "Special tokens",
    "Content logging",
    "Queue time-out",
    "Backpressure metric",
    "Backpressure threshold",
    "Failed checks",
]


def test_the_form_opens_with_what_most_people_need() -> None:
    """A new form shows eight fields, an endpoint that may sleep, and asks for an instance."""
    screen = Screen()
    assert screen.shown() == AUTO
    assert screen.typed("scaling") == "auto"
    assert (screen.typed("min_replicas"), screen.typed("max_replicas")) == ("0", "1")
    assert screen.cost() == NO_INSTANCE


def test_the_frame_of_the_modal() -> None:
    """Title and buttons fit Slack's 24 characters, and submitting says Deploy."""
    body = Screen().view.body
    texts = {key: body[key]["text"] for key in ("title", "submit", "close")}
    assert texts == {"title": "Deploy a model", "submit": "Deploy", "close": "Cancel"}
    assert (body["type"], body["callback_id"]) == ("modal", "deploy")


def test_a_model_and_an_instance_make_a_deployment() -> None:
    """The shortest way through the form."""
    screen = Screen()
    screen.fill(model="meta-llama/Llama-3.1-8B-Instruct", gpu="2xH100")
    assert screen.submit() == DeployRequest(
        target="prod",
        model="meta-llama/Llama-3.1-8B-Instruct",
        name="llama-3-1-8b-instruct-k7wq",
        instance_option_id="zfTutSiLn0Hq",
        autoscaling=AutoscalingPolicy(),
    )


def test_each_instance_shows_its_memory_and_price() -> None:
    """Options are grouped by GPU and priced for one replica."""
    element = Screen().field("gpu").element
    assert [group["label"]["text"] for group in element["option_groups"]] == [
        "A100 · 80 GB each",
        "H100 · 80 GB each",
        "H200 · 141 GB each",
        "B200 · 180 GB each",
        "Not listed here",
    ]
    shown = {option["value"]: option["text"]["text"] for option in options(element)}
    assert shown.keys() == {*(option.key for option in INSTANCE_OPTIONS), "id:"}
    assert shown["2xH100"] == "2 × H100 · 160 GB · $10.00/h"
    assert shown["8xB200"] == "8 × B200 · 1440 GB · $72.00/h"


def test_the_target_is_asked_for_only_where_there_are_several() -> None:
    """The first target is the default."""
    screen = Screen(targets=(PROD, STAGING))
    assert screen.shown() == ["Target", *AUTO]
    assert screen.typed("target") == "prod"
    screen.fill(model="org/name", gpu="1xH100", target="staging")
    answer = screen.submit()
    assert isinstance(answer, DeployRequest)
    assert answer.target == "staging"


def test_a_target_that_is_gone_has_to_be_chosen_again() -> None:
    """A draft for a target that was disconnected doesn't land in another one unasked."""
    screen = Screen(DeployDraft(target="old"), targets=(PROD,))
    assert screen.shown() == ["Target", *AUTO]
    assert screen.typed("target") is None


def test_more_targets_than_a_menu_holds() -> None:
    """A menu shows 100, the chosen one among them."""
    targets = [TargetChoice(f"t{number}", "project") for number in range(150)]
    screen = Screen(DeployDraft(target="t149"), targets=targets)
    assert len(screen.field("target").element["options"]) == 100
    assert screen.typed("target") == "t149"


def test_a_name_is_proposed_when_the_model_is_entered() -> None:
    """Enter in the model's field fills in the name, and changing the model changes it."""
    screen = Screen()
    screen.fill(model="org/first")
    assert screen.typed("name") == "first-k7wq"
    screen.fill(model="org/second")
    assert screen.typed("name") == "second-k7wq"


def test_a_name_that_was_written_is_left_alone() -> None:
    """No proposal replaces what a person wrote."""
    screen = Screen()
    screen.fill(model="org/first")
    screen.fill(name="mine")
    screen.fill(model="org/second", gpu="1xH100")
    assert screen.typed("name") == "mine"


def test_an_emptied_name_stays_empty_until_the_model_changes() -> None:
    """A person may leave the name to us."""
    screen = Screen()
    screen.fill(model="org/first")
    screen.fill(name=None)
    screen.fill(gpu="1xH100")
    assert screen.typed("name") is None
    answer = screen.submit()
    assert isinstance(answer, DeployRequest)
    assert answer.name == "first-k7wq"


def test_a_proposal_for_another_model_is_not_submitted() -> None:
    """Without Enter in the model's field the old proposal is still shown; it doesn't count."""
    screen = Screen()
    screen.fill(model="org/first", gpu="1xH100")
    model = screen.field("model")
    second = model_options.options("org/second", (), (), NOW)
    screen.view.set_value(model, chosen(model.element, "org/second", second))
    answer = screen.submit()
    assert isinstance(answer, DeployRequest)
    assert (answer.model, answer.name) == ("org/second", "second-k7wq")


def test_scaling_changes_which_numbers_are_asked_for() -> None:
    """Fixed replicas have one number, autoscaling three."""
    screen = Screen()
    assert screen.shown()[4:] == ["Minimum replicas", "Maximum replicas", "Cool-down", "Lifetime"]
    assert [screen.typed(name) for name in ("min_replicas", "max_replicas", "cooldown")] == [
        "0",
        "1",
        "300",
    ]
    screen.fill(scaling="fixed")
    assert screen.shown() == FIXED
    screen.fill(scaling="friendli")
    assert screen.shown() == [*BASIC, "Lifetime"]


def test_nothing_typed_is_lost_when_parts_come_and_go() -> None:
    """Numbers of both scalings and all advanced fields come back as they were."""
    screen = Screen()
    screen.fill(model="org/name", gpu="1xH100", scaling="fixed", replicas="4")
    screen.fill(scaling="auto")
    screen.fill(min_replicas="1", max_replicas="5", cooldown="60")
    screen.toggle_advanced()
    assert screen.shown()[-len(ADVANCED) :] == ADVANCED
    screen.fill(
        revision="main",
        comment="first & <best> try",
        max_batch_size="64",
        flags=[],
        content_logging="On",
        queue_backpressure_metric="TTFT_MS",
        queue_backpressure_threshold="0.5",
    )
    screen.toggle_advanced()
    assert "Revision" not in screen.shown()
    screen.fill(scaling="fixed")
    assert screen.typed("replicas") == "4"
    screen.fill(scaling="auto")
    screen.toggle_advanced()
    assert {
        name: screen.typed(name)
        for name in ("min_replicas", "max_replicas", "cooldown", "comment", "max_batch_size")
    } == {
        "min_replicas": "1",
        "max_replicas": "5",
        "cooldown": "60",
        "comment": "first & <best> try",
        "max_batch_size": "64",
    }
    answer = screen.submit()
    assert isinstance(answer, DeployRequest)
    assert answer.model_dump(exclude_none=True) == {
        "target": "prod",
        "model": "org/name",
        "name": "name-k7wq",
        "instance_option_id": "TwD5AqnBSVN0",
        "autoscaling": {"min_replica": 1, "max_replica": 5, "cooldown_period": 60},
        "revision": "main",
        "comment": "first & <best> try",
        "max_batch_size": 64,
        "skip_special_tokens": False,
        "add_special_tokens": False,
        "content_logging": True,
        "queue_backpressure_metric": "TTFT_MS",
        "queue_backpressure_threshold": 0.5,
    }


def test_untouched_checkboxes_leave_the_defaults_to_the_api() -> None:
    """A box that was only opened says nothing; one that was ticked off and on again says so."""
    screen = Screen(advanced_open=True)
    draft = parse(screen.payload()).draft
    assert (draft.skip_special_tokens, draft.add_special_tokens) == (None, None)
    screen.fill(flags=["skip_special_tokens"])
    draft = parse(screen.payload()).draft
    assert (draft.skip_special_tokens, draft.add_special_tokens) == (None, False)


def test_content_logging_is_left_to_friendli_or_switched_on_or_off() -> None:
    """Its menu has three choices, and each comes back as it was left."""
    screen = Screen(DeployDraft(model="org/name", gpu="1xH100"), advanced_open=True)
    sent = {}
    for choice in ("On", "Off", "Friendli's default"):
        screen.fill(content_logging=choice)
        screen.toggle_advanced()
        screen.toggle_advanced()
        answer = screen.submit()
        assert isinstance(answer, DeployRequest)
        sent[choice] = answer.engine().enable_content_logging
    assert sent == {"On": True, "Off": False, "Friendli's default": None}


def test_a_metric_can_be_unset_again() -> None:
    """The menu has a choice for none, since Slack's menus can't be emptied."""
    screen = Screen(FULL.draft(), advanced_open=True)
    assert screen.typed("queue_backpressure_metric") == "TTFT_MS"
    screen.fill(queue_backpressure_metric="None")
    assert parse(screen.payload()).draft.queue_backpressure_metric is None


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ({"scaling": "fixed"}, "*$10.00/h* while live ($7,300/month)"),
        (
            {"scaling": "fixed", "replicas": "2"},
            "*$20.00/h* for 2 replicas while live ($14,600/month)",
        ),
        ({"scaling": "fixed", "replicas": "0"}, "*$10.00/h* per replica while live"),
        ({"scaling": "fixed", "replicas": None}, "*$10.00/h* while live ($7,300/month)"),
        ({"scaling": "fixed", "replicas": "99999"}, "*$10.00/h* per replica while live"),
        (
            {"scaling": "friendli"},
            "*$10.00/h* per replica while live; Friendli decides how many",
        ),
        ({}, "*$10.00/h* while live ($7,300/month), $0.00/h asleep"),
        (
            {"scaling": "auto", "max_replicas": "3"},
            "*$10.00/h–$30.00/h* while live ($7,300–$21,900/month), $0.00/h asleep",
        ),
        (
            {"scaling": "auto", "max_replicas": "3", "min_replicas": "1"},
            "*$10.00/h–$30.00/h* while live ($7,300–$21,900/month)",
        ),
        ({"scaling": "auto", "min_replicas": "1"}, "*$10.00/h* while live ($7,300/month)"),
        ({"scaling": "auto", "min_replicas": "2"}, "*$10.00/h* per replica while live"),
    ],
)
def test_the_line_of_money_follows_every_choice(typed: dict[str, str | None], line: str) -> None:
    """It says what is billed, from when, and what sleeping costs only where it can happen."""
    screen = Screen()
    screen.fill(gpu="2xH100", **typed)
    assert screen.cost() == line


def test_a_draft_fills_the_form() -> None:
    """Trying again starts from everything that was asked for, advanced fields included."""
    screen = Screen(FULL.draft(), advanced_open=True)
    assert screen.submit() == FULL


def test_a_draft_with_slips_fills_the_form_as_far_as_fields_can_show_it() -> None:
    """An instance or a number that is none can't be shown; the rest is."""
    screen = Screen(
        DeployDraft(model="gpt2", gpu="h10", scaling="fixed", replicas="two", comment="x")
    )
    assert (screen.typed("model"), screen.typed("gpu"), screen.typed("replicas")) == (
        "gpt2",
        None,
        None,
    )
    assert parse(screen.payload()).draft.comment == "x"


def test_the_state_is_read_back_as_it_was_drawn() -> None:
    """Id, place and what is open survive the trip through Slack."""
    state = parse(Screen(FULL.draft(), advanced_open=True).payload())
    assert (state.request_id, state.place, state.advanced_open) == (REQUEST_ID, PLACE, True)
    assert state.draft == FULL.draft()


def test_what_slack_leaves_out_counts_as_it_was_drawn() -> None:
    """A view without state, as some views with initial values come, means what it shows."""
    payload = Screen(FULL.draft()).payload()
    for broken in ({**payload, "state": {"values": {}}}, {**payload, "state": None}):
        assert parse(broken).draft == FULL.draft()


def test_a_view_that_is_not_ours_is_refused() -> None:
    """Made-up metadata never becomes a draft."""
    for metadata in ("", "{}", '{"request_id":1}'):
        with pytest.raises(ValidationError):
            parse({"private_metadata": metadata, "state": {"values": {}}})


def test_elements_of_other_blocks_are_ignored() -> None:
    """Only fields of the draft are read."""
    values = {"x": {"deploy.nonsense": {"value": "1"}, "else": {"value": "2"}}}
    payload = {**Screen().payload(), "state": {"values": values}}
    assert parse(payload).draft == DeployDraft(scaling="auto")


def test_errors_stand_under_their_fields() -> None:
    """Every slip has a block of its own, in plain text without code marks."""
    screen = Screen()
    screen.fill(model="gpt2", gpu="1xH100", scaling="fixed", replicas="0", name="  ")
    answer = screen.submit()
    assert isinstance(answer, tuple)
    errors = errors_by_block(answer, screen.payload())
    assert check_view_errors(errors, screen.payload()) == []
    assert errors == {
        "deploy.model": (
            "“gpt2” isn't a full model name. Write org/name, such as"
            " “meta-llama/Llama-3.1-8B-Instruct”."
        ),
        "deploy.name.1": (
            "Endpoint name has only spaces. Type a name, or leave it empty to derive it from the"
            " model."
        ),
        "deploy.replicas": "Replicas must be 1 or more. You wrote “0”.",
    }


def test_an_error_in_a_hidden_field_opens_advanced() -> None:
    """Each error stands below its field, also of those that were shown before."""
    draft = DeployDraft(model="org/name", gpu="1xH100", scaling="fixed", replicas="0")
    screen = Screen(draft.model_copy(update={"max_batch_size": "0"}))
    answer = screen.submit()
    assert isinstance(answer, tuple)
    assert has_hidden(answer, screen.payload())
    view = build(
        with_errors(parse(screen.payload()), answer), targets=(PROD,), prices=PUBLISHED_PRICES
    )
    assert check_view(view) == []
    blocks = [dict(block) for block in view["blocks"]]  # type: ignore[attr-defined] # a view
    marks = {
        blocks[at - 1]["block_id"]: block["elements"][0]["text"]
        for at, block in enumerate(blocks)
        if block["type"] == "context" and "✗" in str(block)
    }
    assert marks == {
        "deploy.replicas": "✗ Replicas must be 1 or more. You wrote `0`.",
        "deploy.max_batch_size": "✗ Max batch size must be 1 or more. You wrote `0`.",
    }
    focused = [one for one in blocks if one.get("element", {}).get("focus_on_load")]
    assert [one["block_id"] for one in focused] == ["deploy.max_batch_size"]
    screen.toggle_advanced()
    assert not has_hidden(answer, screen.payload())


def test_an_error_about_a_target_that_is_not_shown() -> None:
    """With nothing before it, an error stands under the first field."""
    screen = Screen()
    field_error = FieldError("target", "This target has been disconnected.")
    assert errors_by_block([field_error], screen.payload()) == {
        "deploy.model": "This target has been disconnected."
    }


@pytest.mark.parametrize("character", ["x", '"', "\\", "\n", ASTRAL, "&"])
@pytest.mark.parametrize("advanced_open", [False, True])
def test_the_heaviest_form_is_one_that_slack_takes(*, character: str, advanced_open: bool) -> None:
    """The longest texts, spelled out by JSON with the most characters, stay within all limits."""
    heavy = {
        field: character * 4_000
        for field, value in DeployDraft.model_fields.items()
        if "str" in str(value.annotation)
    }
    targets = [TargetChoice(f"{number}{'t' * 37}", "p" * 100) for number in range(100, 250)]
    screen = Screen(
        DeployDraft(**heavy, skip_special_tokens=False, content_logging=True),
        targets=targets,
        advanced_open=advanced_open,
    )
    assert utf16_units(screen.view.private_metadata) <= 3_000


@pytest.mark.parametrize("character", ["x", '"', ASTRAL])
def test_the_heaviest_form_of_an_update_is_one_that_slack_takes(character: str) -> None:
    """What was changed meanwhile is told, and forgotten if there is no room to keep it."""
    heavy = {
        field: character * 4_000
        for field, value in DeployDraft.model_fields.items()
        if "str" in str(value.annotation)
    }
    updating = Updating(public_id="0" * 32, number="1" * 9, meanwhile=character * 400)
    state = FormState(request_id="", place=PLACE, draft=DeployDraft(**heavy), updating=updating)
    view = build(state, targets=(), prices=PUBLISHED_PRICES)
    assert utf16_units(str(view["private_metadata"])) <= 3_000
    assert character * 400 in json.dumps(view["blocks"], ensure_ascii=False).replace("\\", "")


@settings(max_examples=50, deadline=None)
@given(DRAFTS, st.booleans())
def test_any_draft_makes_a_valid_form_that_reads_back(draft: DeployDraft, opened: bool) -> None:  # noqa: FBT001 - hypothesis passes it by position
    """Slack takes whatever was typed, and a form drawn from what it reads is the same form."""
    drawn = draft
    for _ in range(2):  # a number that no field can show is gone at first, then its default stands
        drawn = parse(Screen(drawn, advanced_open=opened).payload()).draft
    assert parse(Screen(drawn, advanced_open=opened).payload()).draft == drawn


def test_action_ids_share_a_prefix() -> None:
    """One dispatcher can route everything in the modal."""
    screen = Screen(advanced_open=True, targets=(PROD, STAGING))
    ids = {field.action_id for field in screen.view.fields()}
    assert {FLAGS_ACTION, ADVANCED_ACTION} < ids
    assert all(id_.rpartition(".")[0] == "deploy" for id_ in ids)


def test_every_field_of_a_draft_is_in_the_open_form() -> None:
    """Nothing of the create body is out of reach."""
    drafts = (DeployDraft(scaling="fixed"), DeployDraft(scaling="auto", gpu="id:x"))
    fixed, auto = (Screen(draft, advanced_open=True, targets=(PROD, STAGING)) for draft in drafts)
    ids = {field.action_id for screen in (fixed, auto) for field in screen.view.fields()}
    flags = {option["value"] for option in fixed.field("flags").element["options"]}
    in_form = {id_.removeprefix("deploy.") for id_ in ids} | flags
    assert in_form - {"advanced", "flags", "instance_id"} == set(DeployDraft.model_fields)


def test_the_cost_of_a_draft_that_no_form_shows() -> None:
    """The line reads a draft from text as well."""
    draft = DeployDraft(gpu="h200 x 4", max_replicas="2")
    assert cost_line(draft, PUBLISHED_PRICES) == (
        "*$28.00/h–$56.00/h* while live ($20,440–$40,880/month), $0.00/h asleep"
    )


@pytest.mark.parametrize(
    ("typed", "default", "line"),
    [
        (None, None, ""),
        (None, 2 * 3600, " · about $20.00 by TIME"),
        ("8h", 2 * 3600, " · about $80.00 by TIME"),
        ("8 parsecs", None, ""),
        ("1000d", None, ""),
    ],
)
def test_the_cost_follows_the_lifetime(typed: str | None, default: int | None, line: str) -> None:
    """The typed one, else the target's; what is no lifetime counts as none."""
    seen = SeenBefore(datetime(2026, 11, 28, tzinfo=UTC), usual=UsualTime(240, 360))
    draft = DeployDraft(gpu="2xH100", replicas="1", scaling="fixed", lifetime=typed)
    said = cost_line(draft, PUBLISHED_PRICES, default_lifetime=default, seen=seen)
    assert re.sub("<[^>]*>", "TIME", said) == (
        f"*$10.00/h* while live ($7,300/month){line} · usually live in 4–6 min"
    )


def test_an_instance_that_the_menu_lacks_is_named_by_its_id() -> None:
    """The menu's last choice asks for the id, which is sent as it is; its price isn't known."""
    screen = Screen()
    screen.fill(model="org/name", gpu="id:")
    assert screen.shown()[3] == "Instance option id"
    empty = screen.submit()
    assert isinstance(empty, tuple)
    assert list(errors_by_block(empty, screen.payload())) == ["deploy.instance_id"]
    screen.fill(instance_id="Ab3dEf6hIj9k", scaling="fixed")
    assert screen.cost() == UNLISTED_INSTANCE
    answer = screen.submit()
    assert isinstance(answer, DeployRequest)
    assert answer.instance_option_id == "Ab3dEf6hIj9k"
    assert answer.price_at_full_scale(PUBLISHED_PRICES) is None
    assert Screen(answer.draft()).submit() == answer


def test_friendli_s_default_sends_no_scaling() -> None:
    """The API asks for neither kind of scaling, and the form can leave both out."""
    screen = Screen()
    screen.fill(model="org/name", gpu="1xH100", scaling="friendli")
    answer = screen.submit()
    assert isinstance(answer, DeployRequest)
    assert not {"simplescale", "autoscalingPolicy"} & answer.create_body("p").wire().keys()
    assert answer.price_at_full_scale(PUBLISHED_PRICES) is None
    assert Screen(answer.draft()).submit() == answer


def test_the_scaling_is_the_target_s_until_another_one_is_chosen() -> None:
    """What stands in the form at first follows the target; what a person chose doesn't."""
    steady = TargetChoice("steady", "project-3", scaling="fixed")
    screen = Screen(targets=(PROD, steady))
    screen.fill(target="steady")
    assert screen.typed("scaling") == "fixed"
    screen.fill(scaling="friendli", target="prod")
    assert screen.typed("scaling") == "friendli"
    assert Screen(targets=(steady, PROD)).shown() == ["Target", *FIXED]


def test_the_form_shows_what_holds_where_nothing_is_typed() -> None:
    """The API publishes one engine default, and the field shows it."""
    screen = Screen(advanced_open=True)
    assert screen.field("max_token_count").element["placeholder"]["text"] == "2560"
    assert hint(screen, "Max token count") == "Tokens. Empty: 2,560."


def hint(screen: Screen, label: str) -> object:
    """The small print below a field."""
    return next(
        block["hint"]["text"]
        for block in screen.view.blocks
        if block["type"] == "input" and block["label"]["text"] == label
    )


def test_the_form_says_when_an_endpoint_ends_by_itself() -> None:
    """What holds where nothing is typed is the chosen target's, and follows it."""
    guarded = TargetChoice("guarded", "project-3", 8 * 3600, ExpiryAction.SLEEP)
    screen = Screen(targets=(PROD, guarded))
    assert hint(screen, "Lifetime") == (
        "8h, 2d or 90m from creation, then it terminates. Empty: runs until someone stops it."
    )
    screen.fill(target="guarded")
    assert hint(screen, "Lifetime") == (
        "8h, 2d or 90m from creation, then it sleeps (wakes on request). Empty: 8 h."
    )
    screen.fill(model="org/name", gpu="1xH100", lifetime="90 min")
    request = screen.submit()
    assert isinstance(request, DeployRequest)
    assert request.lifetime_seconds == 5_400
