"""What is refused of elements, their composition objects and rich text."""

import pytest

from bot.sandbox.slack.blocks import check_message
from tests.sandbox.slack.blocks import examples
from tests.sandbox.slack.blocks.deviations import Base, Deviation, answer, deviations, expected
from tests.sandbox.slack.blocks.payloads import (
    ABSENT,
    Payload,
    actions,
    message,
    mrkdwn,
    option,
    plain,
    section,
)


def accessory(element: Payload) -> Base:
    """Return a message with the element beside a section as a base."""
    return Base(check_message, message(section(accessory=element)), "/blocks/0/accessory")


RICH = Base(check_message, message(examples.RICH), "/blocks/0/elements")
BUTTON = Base(check_message, message(actions(examples.BUTTON)), "/blocks/0/elements/0")
BUTTONS = Base(
    check_message,
    message(actions(examples.BUTTON, examples.ELEMENTS["bare button"])),
    "/blocks/0/elements",
)
SMALL = Base(check_message, message(examples.BLOCKS["context actions"]), "/blocks/0/elements")
OVERFLOW = accessory(examples.OVERFLOW)
SELECT = accessory(examples.STATIC)
GROUPS = accessory(examples.GROUPED)
MULTI = accessory(examples.MULTI_STATIC)
OWNERS = accessory(examples.MULTI_USERS)
MODELS = accessory(examples.MULTI_EXTERNAL)
WHERE = accessory(examples.CONVERSATIONS)
RADIO = accessory(examples.RADIO)
BOXES = accessory(examples.CHECKBOXES)
DAY = accessory(examples.DATE)
TIME = accessory(examples.TIME)
MOMENT = Base(check_message, message(actions(examples.DATE_TIME)), "/blocks/0/elements/0")

DEVIATIONS = [
    *deviations(
        RICH,
        Deviation("/0/elements/0/text", "", "must not be empty"),
        Deviation("/0/elements/0/text", ABSENT, "missing field: text", at="/0/elements/0"),
        Deviation("/0/elements/0/style/bold", "yes", "must be true or false"),
        Deviation("/0/elements/2/url", "friendli.ai", "must be an http, https or mailto address"),
        Deviation("/0/elements/4/name", ":wave:", "must be the name of an emoji without colons"),
        Deviation(
            "/0/elements/5/format",
            "{hour}",
            "must hold date tokens that Slack knows, such as {date_short}",
        ),
        Deviation("/0/elements/5/timestamp", "1790000000", "must be a whole number"),
        Deviation("/0/elements/6/user_id", "Ada", "must be the id of a person"),
        Deviation("/0/elements/9/range", "team", "must be 'here', 'channel' or 'everyone'"),
        Deviation("/1/indent", 9, "must be at most 8"),
        Deviation("/1/elements/0/type", "rich_text_list", "must be 'rich_text_section'"),
        Deviation("/3/elements/0/type", "emoji", "unsupported type: emoji", at="/3/elements/0"),
    ),
    *deviations(
        BUTTON,
        Deviation("/text/type", "mrkdwn", "must be 'plain_text'"),
        Deviation("/action_id", ABSENT, "missing field: action_id", at=""),
        Deviation("/action_id", "x" * 256, "must be at most 255 characters"),
        Deviation("/text/text", "x" * 76, "must be at most 75 characters"),
        Deviation("/value", "x" * 2001, "must be at most 2000 characters"),
        Deviation("/value", 7, "must be a string"),
        Deviation("/url", "https://a.example/" + "x" * 2983, "must be at most 3000 characters"),
        Deviation("/url", "suite", "must be an http or https address"),
        Deviation("/style", "default", "must be 'primary' or 'danger'"),
        Deviation("/accessibility_label", "x" * 76, "must be at most 75 characters"),
        Deviation("/confirm/deny", ABSENT, "missing field: deny", at="/confirm"),
        Deviation("/confirm/title/text", "x" * 101, "must be at most 100 characters"),
        Deviation("/confirm/text/text", "x" * 301, "must be at most 300 characters"),
        Deviation("/confirm/confirm/text", "x" * 31, "must be at most 30 characters"),
    ),
    *deviations(
        BUTTONS,
        Deviation("/1/action_id", "sleep", "action_id sleep already exists"),
        Deviation(
            "",
            [{"type": "button", "action_id": str(i), "text": plain("a")} for i in range(26)],
            "must have at most 25 items",
        ),
        Deviation("", [], "must not be empty"),
    ),
    *deviations(
        SMALL,
        Deviation("/1/icon", "rocket", "must be 'trash'"),
        Deviation(
            "/0/positive_button/value", ABSENT, "missing field: value", at="/0/positive_button"
        ),
    ),
    *deviations(
        OVERFLOW,
        Deviation("/options", [option(str(i)) for i in range(6)], "must have at most 5 items"),
    ),
    *deviations(
        SELECT,
        Deviation("/options", [option(str(i)) for i in range(101)], "must have at most 100 items"),
        Deviation("/options/0/text/text", "x" * 76, "must be at most 75 characters"),
        Deviation("/options/0/value", "x" * 151, "must be at most 150 characters"),
        Deviation("/options/0/value", ABSENT, "missing field: value", at="/options/0"),
        Deviation("/options/0/url", "https://a.example", "unknown field: url", at="/options/0"),
        Deviation(
            "/options/0/text", mrkdwn("h100"), "must be 'plain_text'", at="/options/0/text/type"
        ),
        Deviation("/options/0/value", "h200", "value h200 already exists", at="/options/1/value"),
        Deviation("/initial_option", option("b200"), "must equal one of the options"),
        Deviation(
            "/initial_option/text/text",
            "H200",
            "must equal one of the options",
            at="/initial_option",
        ),
        Deviation(
            "/option_groups",
            [{"label": plain("a"), "options": [option("a")]}],
            "must have either options or option_groups",
            at="",
        ),
        Deviation("/options", ABSENT, "must have either options or option_groups", at=""),
        Deviation("/placeholder/text", "x" * 151, "must be at most 150 characters"),
        Deviation("/focus_on_load", words="must not be true outside views", value=True),
    ),
    *deviations(
        GROUPS,
        Deviation("/option_groups/1/label/text", "x" * 76, "must be at most 75 characters"),
        Deviation(
            "/option_groups/1/options",
            [option("1xh100")],
            "value 1xh100 already exists",
            at="/option_groups/1/options/0/value",
        ),
    ),
    *deviations(
        MULTI,
        Deviation(
            "/max_selected_items",
            1,
            "must have at most max_selected_items items",
            at="/initial_options",
        ),
        Deviation("/initial_options/1", option("b200"), "must equal one of the options"),
        Deviation(
            "/initial_options/1",
            option("h100"),
            "value h100 already exists",
            at="/initial_options/1/value",
        ),
    ),
    *deviations(
        OWNERS,
        Deviation("/initial_users/1", "U1", "U1 stands there twice"),
        Deviation("/initial_users/1", "C1", "must be the id of a person"),
    ),
    *deviations(
        MODELS,
        Deviation("/min_query_length", -1, "must be at least 0"),
        Deviation(
            "/initial_options/-",
            option("qwen"),
            "must have at most max_selected_items items",
            at="/initial_options",
        ),
    ),
    *deviations(
        WHERE,
        Deviation("/filter/include", [], "must not be empty"),
        Deviation("/filter", {}, "must have at least one field"),
        Deviation(
            "/response_url_enabled", words="must stand in an input block of a modal", value=True
        ),
    ),
    *deviations(
        RADIO,
        Deviation("/options", [option(str(i)) for i in range(11)], "must have at most 10 items"),
        Deviation(
            "/initial_option/value", "other", "must equal one of the options", at="/initial_option"
        ),
    ),
    *deviations(
        BOXES,
        Deviation(
            "/initial_options/0/value",
            "other",
            "must equal one of the options",
            at="/initial_options/0",
        ),
        Deviation("/placeholder", plain("a"), "unknown field: placeholder", at=""),
    ),
    *deviations(
        DAY,
        Deviation("/initial_date", "2026-10-32", "must be a day as YYYY-MM-DD"),
        Deviation("/initial_date", "20261001", "must be a day as YYYY-MM-DD"),
    ),
    *deviations(
        TIME,
        Deviation("/initial_time", "24:00", "must be a time of day as HH:mm"),
        Deviation("/timezone", "9 hours", "must be the name of a time zone"),
    ),
    *deviations(
        MOMENT,
        Deviation("/initial_date_time", 1790000000000, "must be at most 9999999999"),
        Deviation("/placeholder", plain("a"), "unknown field: placeholder", at=""),
    ),
]


@pytest.mark.parametrize(("base", "deviation"), DEVIATIONS, ids=str)
def test_a_tiny_deviation_is_refused_where_it_stands(base: Base, deviation: Deviation) -> None:
    """The answer names the error, says what is wrong and points at it, and says nothing else."""
    assert answer(base, deviation) == expected(base, deviation)
