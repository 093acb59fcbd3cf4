"""What is refused of modals, Home tabs, suggestions and errors under fields."""

import pytest

from bot.sandbox.slack.blocks import Problem, check_suggestions, check_view, check_view_errors
from tests.sandbox.slack.blocks import examples
from tests.sandbox.slack.blocks.deviations import Base, Deviation, answer, deviations, expected
from tests.sandbox.slack.blocks.payloads import (
    ABSENT,
    Json,
    Payload,
    changed,
    home,
    input_block,
    modal,
    mrkdwn,
    option,
    plain,
    section,
)

FORM: Payload = modal(
    section(),
    input_block(examples.TEXT, block_id="name", hint=plain("Short")),
    input_block({**examples.EXTERNAL, "focus_on_load": True}, block_id="model"),
    close=plain("Cancel"),
    private_metadata="{}",
    callback_id="deploy",
    external_id="deploy-1",
    clear_on_close=True,
    notify_on_close=False,
)
SUGGESTIONS: Payload = {"options": [option("llama"), option("qwen")]}
GROUPED_SUGGESTIONS: Payload = {
    "option_groups": [
        {"label": plain("Meta"), "options": [option("llama")]},
        {"label": plain("Alibaba"), "options": [option("qwen")]},
    ]
}


def view(payload: Payload, root: str = "") -> Base:
    """Return a view as a base."""
    return Base(check_view, payload, root, "invalid_arguments", "/view")


def suggestions(payload: Payload) -> Base:
    """Return an answer to `block_suggestion` as a base."""
    return Base(check_suggestions, payload, error="invalid_arguments")


MODAL = view(FORM)
INPUT = view(FORM, "/blocks/1")
TEXT = view(FORM, "/blocks/1/element")
NUMBER = view(modal(input_block(examples.NUMBER)), "/blocks/0/element")
DECIMAL = view(modal(input_block(examples.DECIMAL)), "/blocks/0/element")
ALERT = view(modal(examples.BLOCKS["alert"]), "/blocks/0")
HOME = view(home(section()))
FLAT = suggestions(SUGGESTIONS)
GROUPED = suggestions(GROUPED_SUGGESTIONS)

DEVIATIONS = [
    *deviations(
        MODAL,
        Deviation("/title/text", "x" * 25, "must be at most 24 characters"),
        Deviation("/title", ABSENT, "missing field: title", at=""),
        Deviation("/title", mrkdwn("a"), "must be 'plain_text'", at="/title/type"),
        Deviation("/submit/text", "x" * 25, "must be at most 24 characters"),
        Deviation("/close/text", "x" * 25, "must be at most 24 characters"),
        Deviation("/submit", ABSENT, "missing field: submit, which input blocks need", at=""),
        Deviation("/type", "dialog", "unsupported type: dialog", at=""),
        Deviation("/type", ABSENT, "missing field: type", at=""),
        Deviation("/hash", "1.a", "unknown field: hash", at=""),
        Deviation("/blocks", [], "must not be empty"),
        Deviation("/blocks", [{"type": "divider"}] * 101, "must have at most 100 items"),
        Deviation("/private_metadata", "x" * 3001, "must be at most 3000 characters"),
        Deviation("/callback_id", "x" * 256, "must be at most 255 characters"),
        Deviation("/notify_on_close", "no", "must be true or false"),
        Deviation(
            "/blocks",
            [section(fields=[plain("é" * 2000)] * 10)] * 7,
            "must take at most 250000 bytes",
            at="",
            error="view_too_large",
        ),
        Deviation("/blocks/2/block_id", "name", "block_id name already exists"),
        Deviation(
            "/blocks/1/element/focus_on_load",
            words="must be true for one element of a view at most",
            value=True,
            at="/blocks/2/element/focus_on_load",
        ),
    ),
    *deviations(
        INPUT,
        Deviation("/label", mrkdwn("a"), "must be 'plain_text'", at="/label/type"),
        Deviation("/label", ABSENT, "missing field: label", at=""),
        Deviation("/label/text", "x" * 2001, "must be at most 2000 characters"),
        Deviation("/hint/text", "x" * 2001, "must be at most 2000 characters"),
        Deviation("/optional", "no", "must be true or false"),
    ),
    *deviations(
        TEXT,
        Deviation("/max_length", 2, "must not be greater than max_length", at="/min_length"),
        Deviation(
            "/max_length",
            4,
            "must be as long as min_length and max_length allow",
            at="/initial_value",
        ),
        Deviation("/min_length", 3001, "must be at most 3000"),
        Deviation("/initial_value", "", "must not be blank"),
        Deviation("/confirm", examples.CONFIRM, "unknown field: confirm", at=""),
        Deviation(
            "/dispatch_action_config/trigger_actions_on/1",
            "on_enter_pressed",
            "on_enter_pressed stands there twice",
        ),
    ),
    *deviations(
        NUMBER,
        Deviation("/is_decimal_allowed", ABSENT, "missing field: is_decimal_allowed", at=""),
        Deviation("/initial_value", 1, "must be a string"),
        Deviation("/initial_value", "one", "must be a number in a string"),
        Deviation("/initial_value", "1.5", "must be a whole number in a string"),
        Deviation("/initial_value", "11", "must be between min_value and max_value"),
    ),
    *deviations(
        DECIMAL,
        Deviation("/min_value", "2.26", "must not be greater than max_value"),
    ),
    *deviations(
        ALERT,
        Deviation("/text/text", "x" * 201, "must be at most 200 characters"),
        Deviation("/level", "danger", "must be 'default', 'info', 'warning', 'error' or 'success'"),
    ),
    *deviations(
        HOME,
        Deviation("/title", plain("a"), "unknown field: title", at=""),
        Deviation("/submit", plain("a"), "unknown field: submit", at=""),
        Deviation("/clear_on_close", words="unknown field: clear_on_close", value=True, at=""),
    ),
    *deviations(
        FLAT,
        Deviation("/options", ABSENT, "must have either options or option_groups", at=""),
        Deviation("/options", [option(str(i)) for i in range(101)], "must have at most 100 items"),
        Deviation("/options/1/value", "llama", "value llama already exists"),
        Deviation("/options/1/text/text", "x" * 76, "must be at most 75 characters"),
        Deviation("/options/1/text", None, "must not be null"),
        Deviation("/ok", words="unknown field: ok", value=True, at=""),
    ),
    *deviations(
        GROUPED,
        Deviation("/option_groups/1/options", [], "must not be empty"),
    ),
]


@pytest.mark.parametrize(("base", "deviation"), DEVIATIONS, ids=str)
def test_a_tiny_deviation_is_refused_where_it_stands(base: Base, deviation: Deviation) -> None:
    """The answer names the error, says what is wrong and points at it, and says nothing else."""
    assert answer(base, deviation) == expected(base, deviation)


def test_nothing_found_is_an_answer() -> None:
    """An empty list of options says that nothing matches what was typed."""
    assert check_suggestions({"options": []}) == []


def test_a_menu_in_a_modal_may_ask_for_a_response_url() -> None:
    """`response_url_enabled` is taken on conversation menus in input blocks of modals."""
    menu = {**examples.CONVERSATIONS, "response_url_enabled": True}

    assert check_view(modal(input_block(menu))) == []


def test_view_errors_stand_under_input_blocks() -> None:
    """Errors named like input blocks are taken."""
    assert check_view_errors({"name": "Taken", "model": "Gated"}, FORM) == []


@pytest.mark.parametrize(
    ("errors", "words", "at"),
    [
        (None, "must be an object with at least one field", "/errors"),
        ({}, "must be an object with at least one field", "/errors"),
        ([], "must be an object with at least one field", "/errors"),
        ({"nome": "Taken"}, "must be named like an input block of the view", "/errors/nome"),
        ({"text": "Taken"}, "must be named like an input block of the view", "/errors/text"),
        ({"name": " "}, "must be a string that is not blank", "/errors/name"),
        ({"name": ["Taken"]}, "must be a string that is not blank", "/errors/name"),
    ],
)
def test_view_errors_elsewhere_are_refused(errors: Json, words: str, at: str) -> None:
    """Errors that Slack could not show are refused."""
    view = changed(FORM, "/blocks/0/block_id", "text")

    detail = f"[ERROR] {words} [json-pointer:{at}]"
    assert check_view_errors(errors, view) == [Problem("invalid_arguments", detail)]
