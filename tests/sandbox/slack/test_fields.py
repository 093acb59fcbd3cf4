from typing import Any, TypeAlias

import pytest

from bot.sandbox.slack.fields import (
    Field,
    chosen,
    fields,
    initial_value,
    options,
    pick,
    validation_error,
)
from tests.sandbox.slack.bolt_app import actions, button, field, option, section

Value: TypeAlias = str | int | list[str] | None
SIZES = [option("One", "1"), option("Two", "2")]
PLAIN = {"type": "plain_text", "text": "Sizes"}


def one(element: dict[str, Any], **more: Any) -> Field:  # noqa: ANN401 - free-form Block Kit
    """Return the only field of an input block."""
    (found,) = fields([field("Label", "block", {"action_id": "action", **element}, **more)])
    return found


@pytest.mark.parametrize(
    ("element", "value", "state"),
    [
        ({"type": "plain_text_input"}, "x", {"value": "x"}),
        ({"type": "plain_text_input"}, "", {"value": None}),
        ({"type": "number_input"}, 3, {"value": "3"}),
        ({"type": "static_select", "options": SIZES}, "Two", {"selected_option": SIZES[1]}),
        ({"type": "static_select", "options": SIZES}, "1", {"selected_option": SIZES[0]}),
        ({"type": "static_select", "options": SIZES}, None, {"selected_option": None}),
        (
            {"type": "static_select", "option_groups": [{"label": PLAIN, "options": SIZES}]},
            "Two",
            {"selected_option": SIZES[1]},
        ),
        ({"type": "radio_buttons", "options": SIZES}, "One", {"selected_option": SIZES[0]}),
        ({"type": "checkboxes", "options": SIZES}, "One", {"selected_options": SIZES[:1]}),
        ({"type": "checkboxes", "options": SIZES}, ["2", "1"], {"selected_options": SIZES[::-1]}),
        ({"type": "checkboxes", "options": SIZES}, None, {"selected_options": []}),
        ({"type": "users_select"}, "U1", {"selected_user": "U1"}),
        ({"type": "multi_users_select"}, ["U1", "U2"], {"selected_users": ["U1", "U2"]}),
        ({"type": "conversations_select"}, "C1", {"selected_conversation": "C1"}),
        ({"type": "datepicker"}, "2026-11-23", {"selected_date": "2026-11-23"}),
        ({"type": "datetimepicker"}, 1800000000, {"selected_date_time": 1800000000}),
    ],
)
def test_what_a_person_chooses_becomes_state(
    element: dict[str, Any],
    value: Value,
    state: dict[str, Any],
) -> None:
    """Each type of element has its own key in `state.values`."""
    expected = {"type": element["type"], **state}
    assert chosen(element, value, options(element)) == expected


@pytest.mark.parametrize(
    ("element", "state"),
    [
        ({"type": "plain_text_input", "initial_value": "x"}, {"value": "x"}),
        ({"type": "plain_text_input"}, {"value": None}),
        ({"type": "external_select", "initial_option": SIZES[0]}, {"selected_option": SIZES[0]}),
        ({"type": "multi_static_select", "options": SIZES}, {"selected_options": []}),
    ],
)
def test_an_untouched_field_has_its_initial_value(
    element: dict[str, Any], state: dict[str, Any]
) -> None:
    """Without one it is null or empty."""
    assert initial_value(element) == {"type": element["type"], **state}


def test_a_button_has_no_state() -> None:
    """It isn't in `state.values`."""
    assert initial_value(button("Go", "go")) is None


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "button"}, "x"),
        ({"type": "plain_text_input"}, ["x", "y"]),
    ],
)
def test_a_field_takes_only_what_suits_it(element: dict[str, Any], value: Value) -> None:
    """Nothing is typed into buttons, and no list into a text field."""
    with pytest.raises(ValueError, match=element["type"]):
        chosen(element, value, [])


def test_an_option_that_is_not_there_is_named_with_those_that_are() -> None:
    """A slip in a test says what it could have meant."""
    with pytest.raises(LookupError, match="no option 'Three'; there is 'One', 'Two'"):
        pick(SIZES, "Three")


NUMBER = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "8"}


@pytest.mark.parametrize(
    ("element", "value", "says"),
    [
        ({"type": "plain_text_input"}, None, "Please complete this required field."),
        (
            {"type": "plain_text_input", "min_length": 3},
            "ab",
            "Please enter at least 3 characters.",
        ),
        (
            {"type": "plain_text_input", "max_length": 2},
            "abc",
            "Please enter at most 2 characters.",
        ),
        ({"type": "plain_text_input", "min_length": 3, "max_length": 3}, "abc", None),
        (NUMBER, "x", "Please enter a valid number."),
        (NUMBER, "1.5", "Please enter a whole number."),
        (NUMBER, "0", "Please enter a number of at least 1."),
        (NUMBER, "9", "Please enter a number of at most 8."),
        (NUMBER, "8", None),
        (NUMBER, "1", None),
        ({**NUMBER, "is_decimal_allowed": True}, "1.5", None),
        ({"type": "email_text_input"}, "ann", "Please enter a valid email address."),
        ({"type": "email_text_input"}, "ann@example.com", None),
        ({"type": "url_text_input"}, "example.com", "Please enter a valid URL."),
        ({"type": "url_text_input"}, "https://example.com", None),
        ({"type": "checkboxes", "options": SIZES}, None, "Please complete this required field."),
        (
            {"type": "multi_static_select", "options": SIZES, "max_selected_items": 1},
            ["1", "2"],
            "Please select at most 1 items.",
        ),
        (
            {"type": "multi_static_select", "options": SIZES, "max_selected_items": 2},
            ["1", "2"],
            None,
        ),
    ],
)
def test_the_client_checks_before_it_submits(
    element: dict[str, Any],
    value: Value,
    says: str | None,
) -> None:
    """Slack's client refuses what doesn't fit the field, in its own words."""
    item = one(element)
    assert validation_error(item, chosen(item.element, value, options(element))) == says


def test_an_optional_field_may_be_empty() -> None:
    """Nothing is asked for."""
    item = one({"type": "plain_text_input"}, optional=True)
    assert validation_error(item, {"type": "plain_text_input", "value": None}) is None


def test_fields_stand_in_inputs_actions_and_beside_sections() -> None:
    """Each knows its block, its label, and whether using it tells the app."""
    blocks = [
        {"type": "divider", "block_id": "d"},
        {**section("Size"), "block_id": "s", "accessory": button("Change", "change")},
        actions(button("Go", "go"), button("Stop", "stop")),
        field("Name", "n", {"type": "plain_text_input", "action_id": "text"}),
    ]
    assert [
        (item.block_id, item.label, item.text, item.action_id, item.dispatches)
        for item in fields(blocks)
    ] == [
        ("s", "Size", "Change", "change", True),
        ("actions", "", "Go", "go", True),
        ("actions", "", "Stop", "stop", True),
        ("n", "Name", "", "text", False),
    ]
