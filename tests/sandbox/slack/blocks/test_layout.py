"""What is refused of blocks, and of blocks beside each other."""

import pytest

from bot.sandbox.slack.blocks import check_message
from tests.sandbox.slack.blocks import examples
from tests.sandbox.slack.blocks.deviations import Base, Deviation, answer, deviations, expected
from tests.sandbox.slack.blocks.payloads import (
    ABSENT,
    Payload,
    message,
    mrkdwn,
    plain,
    section,
    task,
)


def of(block: Payload, root: str = "/blocks/0") -> Base:
    """Return a message of one block as a base."""
    return Base(check_message, message(block), root)


SECTION = of(section())
FIELDS = of(examples.BLOCKS["fields"])
HEADER = of(examples.BLOCKS["header"])
CONTEXT = of(examples.BLOCKS["context"])
IMAGE = of(examples.BLOCKS["image"])
TABLE = of(examples.TABLE, "/blocks")
MARKDOWN = of(examples.BLOCKS["markdown"], "/blocks")
PLAN = of(examples.PLAN, "/blocks")
CARDS = Base(check_message, message(task("a"), task("b")), "/blocks")
DIVIDERS = Base(
    check_message,
    message({"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "b"}),
    "/blocks",
)

DEVIATIONS = [
    *deviations(
        SECTION,
        Deviation("", [], "must be an object"),
        Deviation("/type", ABSENT, "missing field: type", at=""),
        Deviation("/type", "sektion", "unsupported type: sektion", at=""),
        Deviation("/text/text", " ", "must not be blank"),
        Deviation("/text/text", "x" * 3001, "must be at most 3000 characters"),
        Deviation("/text/emoji", words="unknown field: emoji", value=True, at="/text"),
        Deviation("/text", "llama", "must be an object"),
        Deviation("/text/type", "html", "unsupported type: html", at="/text"),
        Deviation(
            "/text/text",
            "<!everyone|> ",
            "has a control sequence that Slack doesn't know: <!everyone|>",
        ),
        Deviation("/text", ABSENT, "must have text or fields", at=""),
        Deviation("/title", "a", "unknown field: title", at=""),
        Deviation("/block_id", "a" * 256, "must be at most 255 characters"),
        Deviation("/block_id", "", "must not be blank"),
        Deviation("/fields", [], "must not be empty"),
    ),
    *deviations(
        FIELDS,
        Deviation("/fields", [plain("a")] * 11, "must have at most 10 items"),
        Deviation("/fields/1/text", "x" * 2001, "must be at most 2000 characters"),
    ),
    *deviations(
        HEADER,
        Deviation("/text/verbatim", words="unknown field: verbatim", value=True, at="/text"),
        Deviation("/text/text", "x" * 151, "must be at most 150 characters"),
        Deviation("/text", mrkdwn("a"), "must be 'plain_text'", at="/text/type"),
    ),
    *deviations(
        CONTEXT,
        Deviation("/elements", [plain("a")] * 11, "must have at most 10 items"),
        Deviation("/elements/1/text", "x" * 2001, "must be at most 2000 characters"),
        Deviation("/elements/2/title", plain("a"), "unknown field: title", at="/elements/2"),
    ),
    *deviations(
        IMAGE,
        Deviation("/alt_text", ABSENT, "missing field: alt_text", at=""),
        Deviation("/image_url", ABSENT, "must have either image_url or slack_file", at=""),
        Deviation("/slack_file", {"id": "F1"}, "must have either image_url or slack_file", at=""),
        Deviation(
            "/slack_file", {"id": "F1", "url": "https://a.example"}, "must have either id or url"
        ),
        Deviation("/image_url", "/a.png", "must be an http or https address"),
    ),
    *deviations(
        TABLE,
        Deviation("/0/rows/-", [], "must not be empty", at="/0/rows/2"),
        Deviation(
            "/0/rows/-",
            [{"type": "raw_text", "text": "a"}],
            "must have as many cells as the first row",
            at="/0/rows/2",
        ),
        Deviation(
            "/0/column_settings/-",
            {},
            "must have no more items than there are columns",
            at="/0/column_settings",
        ),
        Deviation("/-", examples.TABLE, "must be the only table", at="/1"),
    ),
    *deviations(
        MARKDOWN,
        Deviation("/0/text", "x" * 12_001, "must be at most 12000 characters"),
        Deviation(
            "/-",
            {"type": "markdown", "text": "x" * 11_990},
            "must leave all markdown of a message at most 12000 characters",
            at="/1/text",
        ),
    ),
    *deviations(
        PLAN,
        Deviation("/0/title", plain("a"), "must be a string"),
        Deviation("/0/title", " ", "must not be blank"),
        Deviation("/0/title", "x" * 257, "must be at most 256 characters"),
        Deviation("/0/tasks", [], "must not be empty"),
        Deviation("/0/tasks", [task(str(i)) for i in range(51)], "must have at most 50 items"),
        Deviation("/0/tasks/1/task_id", "machine", "task_id machine already exists"),
        Deviation(
            "/0/tasks/1/status",
            "completed",
            "must be 'pending', 'in_progress', 'complete' or 'error'",
        ),
        Deviation("/0/tasks/1/status", ABSENT, "missing field: status", at="/0/tasks/1"),
        Deviation("/0/tasks/1/type", ABSENT, "missing field: type", at="/0/tasks/1"),
        Deviation("/0/tasks/0/details", "48 s", "must be an object"),
        Deviation("/0/tasks/0/output/elements", [], "must not be empty"),
        Deviation("/0/tasks/1/sources/0/url", "hf.co", "must be an http or https address"),
        Deviation(
            "/-",
            {"type": "plan", "title": "b", "tasks": [task("b")]},
            "must be the only plan, without task cards beside it",
            at="/1",
        ),
        Deviation("/-", task("b"), "must be the only plan, without task cards beside it", at="/0"),
    ),
    *deviations(
        CARDS,
        Deviation("/1/task_id", "a", "task_id a already exists"),
    ),
    *deviations(
        DIVIDERS,
        Deviation("/1/block_id", "a", "block_id a already exists"),
    ),
]


@pytest.mark.parametrize(("base", "deviation"), DEVIATIONS, ids=str)
def test_a_tiny_deviation_is_refused_where_it_stands(base: Base, deviation: Deviation) -> None:
    """The answer names the error, says what is wrong and points at it, and says nothing else."""
    assert answer(base, deviation) == expected(base, deviation)
