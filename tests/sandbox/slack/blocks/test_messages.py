"""What chat.postMessage and its neighbours refuse of a message and its blocks."""

import pytest

from bot.sandbox.slack.blocks import Problem, check_message
from tests.sandbox.slack.blocks import examples
from tests.sandbox.slack.blocks.deviations import Base, Deviation, answer, deviations, expected
from tests.sandbox.slack.blocks.payloads import (
    ABSENT,
    Json,
    Payload,
    actions,
    message,
    mrkdwn,
    plain,
    section,
)

REPLY: Payload = message(
    section(),
    thread_ts="1790000000.000100",
    metadata={
        "event_type": "deployment",
        "event_payload": {"id": 7, "on": {"gpu": "h100"}, "steps": [{"n": 1}]},
    },
    reply_broadcast=True,
    unfurl_links=False,
    unfurl_media=False,
)
RESPONSE: Payload = {"response_type": "ephemeral", "replace_original": True, "text": "Cancelled"}


ENVELOPE = Base(check_message, REPLY, error="invalid_arguments")
RESPONSE_URL = Base(check_message, RESPONSE, error="invalid_arguments")
METADATA = Base(check_message, REPLY, "/metadata", "invalid_metadata_schema")
BLOCKS = Base(check_message, REPLY)


DEVIATIONS = [
    *deviations(
        ENVELOPE,
        Deviation("/text", ABSENT, "must say something, with blocks too", error="no_text"),
        Deviation("/text", "", "must say something, with blocks too", error="no_text"),
        Deviation("/text", " \n", "must say something, with blocks too", error="no_text"),
        Deviation("/text", "x" * 4001, "must be at most 4000 bytes", error="msg_too_long"),
        Deviation("/text", "é" * 2001, "must be at most 4000 bytes", error="msg_too_long"),
        Deviation("/text", 7, "must be a string"),
        Deviation("/text", "a <b>", "has a control sequence that Slack doesn't know: <b>"),
        Deviation("/text", None, "must not be null"),
        Deviation("/markdown_text", "a", "unknown field: markdown_text", at=""),
        Deviation("/channel", "", "must not be blank"),
        Deviation("/thread_ts", "1790000000", "must be the ts of a message"),
        Deviation(
            "/thread_ts", ABSENT, "must not be true without thread_ts", at="/reply_broadcast"
        ),
        Deviation("/unfurl_links", "false", "must be true or false"),
        Deviation(
            "/attachments", [{}] * 101, "must have at most 100 items", error="too_many_attachments"
        ),
        Deviation(
            "/attachments",
            [{"text": "a"}],
            "must be empty: attachments are a legacy of Slack, use blocks",
        ),
    ),
    *deviations(
        RESPONSE_URL,
        Deviation("/text", ABSENT, "must say something, with blocks too", error="no_text"),
        Deviation("/response_type", "everyone", "must be 'in_channel' or 'ephemeral'"),
    ),
    *deviations(
        METADATA,
        Deviation("", "{}", "must be an object", error="invalid_metadata_format"),
        Deviation("/event_type", ABSENT, "missing field: event_type", at=""),
        Deviation("/event_type", "", "must be letters, digits and underscores"),
        Deviation("/event_type", "a" * 256, "must be at most 255 characters"),
        Deviation("/event_payload", [], "must be an object"),
        Deviation("/event_payload/ids", ["a"], "must be a flat value", at="/event_payload/ids/0"),
        Deviation("/event_payload/on/deep", {}, "must be a string, a number or a boolean"),
        Deviation("/event_payload/id", None, "must not be null"),
        Deviation(
            "/event_payload/id",
            "x" * 4000,
            "must take at most 4000 bytes as JSON",
            at="",
            error="metadata_too_large",
        ),
    ),
    *deviations(
        BLOCKS,
        Deviation("/blocks", {}, "must be an array", error="invalid_blocks_format"),
        Deviation("/blocks", None, "must not be null", error="invalid_blocks_format"),
        Deviation("/blocks", [{"type": "divider"}] * 51, "must have at most 50 items"),
        Deviation(
            "/blocks",
            [section(fields=[plain("é" * 2000)] * 4)],
            "must take at most 13000 bytes as JSON",
            error="msg_blocks_too_long",
        ),
    ),
]


@pytest.mark.parametrize(("base", "deviation"), DEVIATIONS, ids=str)
def test_a_tiny_deviation_is_refused_where_it_stands(base: Base, deviation: Deviation) -> None:
    """The answer names the error, says what is wrong and points at it, and says nothing else."""
    assert answer(base, deviation) == expected(base, deviation)


def test_every_fault_of_a_payload_is_told_at_once() -> None:
    """Faults in different places come together, in the order of the payload."""
    wrong = message(
        {"type": "header", "text": mrkdwn("Endpoints")},
        actions({**examples.BUTTON, "style": "green"}),
        text="",
    )

    assert check_message(wrong) == [
        Problem("no_text", "[ERROR] must say something, with blocks too [json-pointer:/text]"),
        Problem(
            "invalid_blocks", "[ERROR] must be 'plain_text' [json-pointer:/blocks/0/text/type]"
        ),
        Problem(
            "invalid_blocks",
            "[ERROR] must be 'primary' or 'danger' [json-pointer:/blocks/1/elements/0/style]",
        ),
    ]


def test_a_deletion_through_a_response_url_needs_no_text() -> None:
    """`delete_original` alone is a whole answer."""
    assert check_message({"delete_original": True}) == []


def test_an_edit_may_broadcast_a_reply_by_its_own_ts() -> None:
    """chat.update takes `reply_broadcast` without `thread_ts`."""
    edit = message(section(), ts="1790000000.000100", reply_broadcast=True)

    assert check_message(edit) == []


def test_blocks_can_be_taken_off_a_message() -> None:
    """An empty list of blocks leaves the text."""
    assert check_message(message()) == []


def test_nesting_without_end_is_refused() -> None:
    """A payload deeper than any Slack knows is refused before anything walks it."""
    deep: Json = "x"
    for _ in range(5_000):
        deep = [deep]

    found = check_message(message(text="a", metadata={"event_type": "a", "event_payload": deep}))

    pointer = "/metadata/event_payload" + "/0" * 31
    assert found == [
        Problem(
            "invalid_metadata_schema",
            f"[ERROR] must not be nested deeper than 32 levels [json-pointer:{pointer}]",
        )
    ]


def test_pointers_escape_slashes_and_tildes() -> None:
    """A field called `a/b~c` is pointed at as RFC 6901 writes it."""
    payload = message(text="a", metadata={"event_type": "a", "event_payload": {"a/b~c": [1]}})

    assert [problem.detail for problem in check_message(payload)] == [
        "[ERROR] must be a flat value [json-pointer:/metadata/event_payload/a~1b~0c/0]"
    ]
