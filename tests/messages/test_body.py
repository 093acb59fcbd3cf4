"""What is posted is cut to what Slack takes, in the units that Slack counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import ValidationError

from bot.messages.blocks import Block, actions, button, context, plan, rich_line, section, task_card
from bot.messages.body import POSSIBLE_REPEAT, Body, body
from bot.sandbox.slack.blocks import check_message
from bot.sandbox.slack.blocks.tree import encoded_bytes

TASKS = [
    task_card("create", "Create the endpoint · 1 s", "complete"),
    task_card("download", "Download the model", "in_progress"),
    task_card("start", "Start the engine", "pending"),
    task_card("serve", "Serve", "error"),
]


def refusals(said: Body) -> list[str]:
    """What Slack would refuse of a body."""
    payload: dict[str, Any] = {"channel": "C000000001", "text": said.text}
    if said.blocks:
        payload["blocks"] = said.blocks
    return [str(problem) for problem in check_message(payload)]


@pytest.mark.parametrize(
    ("letter", "kept"), [("a", 3_997), ("é", 1_998), ("한", 1_332), ("🎉", 999)]
)
def test_text_is_cut_by_bytes(letter: str, kept: int) -> None:
    """4,000 bytes of UTF-8 are taken, with an ellipsis where there was more."""
    assert body(letter * 5_000).text == letter * kept + "…"


@pytest.mark.parametrize("letter", ["a", "é", "한", "🎉"])
def test_text_of_exactly_4000_bytes_is_left_alone(letter: str) -> None:
    """The limit itself is within the limit."""
    text = letter * (4_000 // len(letter.encode()))
    assert body(text).text == text


@given(st.text(min_size=1, max_size=3_000).filter(str.strip))
def test_no_text_is_longer_than_slack_takes(text: str) -> None:
    """Whatever it is written in, lone surrogates among it, and when it is a possible repeat too."""
    for said in (body(text), body(text).as_possible_repeat()):
        assert len(said.text.encode(errors="surrogatepass")) <= 4_000


@pytest.mark.parametrize(
    "text", ["&lt;" * 1_500, "<@U000000001>" * 500, "한<!date^1^{time}|x>" * 300]
)
def test_a_cut_leaves_no_half_of_an_entity(text: str) -> None:
    """What Slack would read as broken markup is left out whole."""
    assert refusals(body(text)) == []


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_body_says_something(text: str) -> None:
    """A message without text notifies nobody of anything."""
    with pytest.raises(ValidationError, match="must say something"):
        body(text, section("seen, but not heard"))


def test_small_blocks_are_left_alone() -> None:
    """Nothing is cut that Slack would take."""
    blocks = [section("x" * 3_000), section("한" * 3_000), context("small")]
    assert body("x", *blocks).blocks == blocks


@pytest.mark.parametrize(
    "large",
    [
        pytest.param([section("한" * 3_000)] * 5, id="few long sections"),
        pytest.param([section("x" * 1_000)] * 40, id="many sections"),
        pytest.param([context(*["x" * 2_000] * 10)], id="one long context"),
        pytest.param([rich_line("x" * 20_000)], id="rich text"),
    ],
)
def test_large_blocks_lose_the_ends_of_their_texts(large: list[Block]) -> None:
    """All stay, each with as much text as fits, and the buttons keep working."""
    row = actions(button("Open in Friendli", "open", value="v" * 1_000))
    said = body("x", *large, row)
    assert len(said.blocks) == len(large) + 1
    assert said.blocks[-1] == row
    assert refusals(said) == []


def test_blocks_are_cut_no_more_than_needed() -> None:
    """Five long sections keep half of what they say."""
    said = body("x", *[section("x" * 3_000)] * 5)
    assert {len(block["text"]["text"]) for block in said.blocks} == {1_500}


def test_blocks_that_cannot_be_cut_enough_give_way_to_the_text() -> None:
    """Fifty rows of buttons with long values leave no room for anything."""
    row = actions(button("x", "open", value="v" * 2_000))
    assert body("The text says it.", *[row] * 50) == Body(text="The text says it.", blocks=[])


@pytest.mark.parametrize("count", [1, 49, 50])
def test_a_possible_repeat_says_so_in_text_and_blocks(count: int) -> None:
    """Who reads it, and who hears it, learns that it may stand there already."""
    said = body("한" * 5_000, *[section("x")] * count).as_possible_repeat()
    assert said.text.endswith(f"… ({POSSIBLE_REPEAT})")
    assert said.blocks[-1] == context(POSSIBLE_REPEAT)
    assert refusals(said) == []


def test_a_possible_repeat_of_text_alone_gets_no_blocks() -> None:
    """Blocks would hide its text."""
    assert body("hello").as_possible_repeat() == body(f"hello ({POSSIBLE_REPEAT})")


def test_a_plan_becomes_a_section_with_a_line_for_each_task() -> None:
    """A Slack that draws no plans shows the same steps, with marks for their states."""
    said = body("x", section("first"), plan("Deploying <!channel>", TASKS), section("last"))
    assert said.has_plan
    drawn = said.without_plan()
    assert not drawn.has_plan
    assert [block["type"] for block in drawn.blocks] == ["section"] * 3
    assert drawn.blocks[1]["text"] == snapshot(
        {
            "type": "plain_text",
            "text": """\
Deploying <!channel>
✓ Create the endpoint · 1 s
● Download the model
○ Start the engine
✗ Serve\
""",
            "emoji": False,
        }
    )
    assert refusals(drawn) == []


def test_a_body_without_plans_stays_as_it_is() -> None:
    """There is nothing to draw otherwise."""
    said = body("x", section("first"))
    assert not said.has_plan
    assert said.without_plan() == said


def test_a_stored_body_is_read_back_as_it_was() -> None:
    """The outbox keeps bodies as JSON."""
    said = body("x", section("first"), plan("Deploying", TASKS))
    assert Body.model_validate(said.model_dump()) == said


def test_a_body_stored_by_an_older_version_is_cut_when_it_is_read() -> None:
    """What was allowed once isn't sent to be refused."""
    read = Body.model_validate({"text": "한" * 4_000, "blocks": [section("한" * 3_000)] * 5})
    assert len(read.text.encode()) <= 4_000
    assert encoded_bytes(read.blocks) <= 13_000
