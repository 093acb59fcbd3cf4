import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.characters import visible
from bot.domain.text import clip, unescape
from bot.messages import blocks, markup


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U1>", "&lt;@U1&gt;"),
        ("R&D", "R&amp;D"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_text_that_people_typed_can_not_be_markup(typed: str, shown: str) -> None:
    """Markup in a name is shown as it was typed and pings nobody."""
    assert markup.escape(typed) == shown


@given(st.text())
def test_unescaping_undoes_escaping(text: str) -> None:
    """What was escaped is read back exactly, but for hidden characters, which are spelled out."""
    assert unescape(markup.escape(text)) == visible(text)


@given(st.text())
def test_code_can_not_be_broken_out_of(text: str) -> None:
    """Whatever is inside, only the first and the last character are backticks, on one line."""
    shown = markup.code(text)
    assert re.fullmatch(r"`[^`\n\r<>]+`", shown)


def test_code_keeps_ordinary_text() -> None:
    """A model's name is shown letter for letter."""
    assert markup.code("meta-llama/Llama-3.1-8B-Instruct") == "`meta-llama/Llama-3.1-8B-Instruct`"


def test_bold_can_not_be_broken_out_of() -> None:
    """An asterisk in a name doesn't end the bold text."""
    assert markup.bold("a*b <c>") == "*a\N{ASTERISK OPERATOR}b &lt;c&gt;*"


def test_a_mention_names_the_person() -> None:
    """A mention is Slack's form of a user id."""
    assert markup.mention("U123") == "<@U123>"


def test_a_link_keeps_its_address_and_label_apart() -> None:
    """A pipe in an address and an angle bracket in a label don't break the link."""
    shown = markup.link("https://example.com/?a=1&b=|", "a > b")
    assert shown == "<https://example.com/?a=1&amp;b=%7C|a &gt; b>"


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [
        ("10", "$10.00/h"),
        ("0", "$0.00/h"),
        ("4.505", "$4.50/h"),
        ("1440", "$1,440.00/h"),
    ],
)
def test_money_is_dollars_per_hour(dollars: str, shown: str) -> None:
    """Money has cents, and a comma in the thousands."""
    assert markup.money(Decimal(dollars)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "under 1 s"),
        (0.9, "under 1 s"),
        (-5, "under 1 s"),
        (1, "1 s"),
        (48.7, "48 s"),
        (60, "1 min"),
        (252, "4 min 12 s"),
        (3_600, "1 h"),
        (3_605, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400 * 3 + 3_600 * 4, "3 d 4 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, shown: str) -> None:
    """A duration is short enough to read at a glance."""
    assert markup.duration(seconds) == shown


def test_a_moment_is_shown_in_each_readers_own_time() -> None:
    """Slack gets the moment itself, and UTC for clients that can't convert it."""
    at = datetime(2026, 11, 23, 12, 42, tzinfo=timezone(timedelta(hours=2)))
    assert markup.moment(at) == (
        "<!date^1795430520^{date_short_pretty} at {time}|2026-11-23 10:42 UTC>"
    )
    assert markup.moment(at.astimezone(UTC), "{time}") == (
        "<!date^1795430520^{time}|2026-11-23 10:42 UTC>"
    )


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("a &amp; b", 7, "a …"),
        ("see <https://example.com|it>", 20, "see …"),
        ("&lt;ab", 6, "&lt;ab"),
    ],
)
def test_cut_text_stays_valid_markup(text: str, limit: int, cut: str) -> None:
    """A cut never leaves half an entity or half a link behind."""
    assert clip(text, limit) == cut


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_cut_keeps_the_limit(text: str, limit: int) -> None:
    """No text is longer than its limit after a cut."""
    assert len(clip(text, limit)) <= limit


def test_text_objects_parse_nothing_on_their_own() -> None:
    """A bare @here in a block, or an emoji's name in a label, stays what it is."""
    assert blocks.mrkdwn("@here") == {"type": "mrkdwn", "text": "@here", "verbatim": True}
    assert blocks.plain(":x:") == {"type": "plain_text", "text": ":x:", "emoji": False}


def test_a_button_carries_only_what_it_was_given() -> None:
    """Unset parts of a button are left out, which Slack wants instead of null."""
    assert blocks.button("Deploy", "deploy.go", value="7", style="primary") == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Deploy", "emoji": False},
        "action_id": "deploy.go",
        "value": "7",
        "style": "primary",
    }


def test_a_plan_is_a_list_of_task_cards() -> None:
    """A plan's tasks carry Slack's status words and rich text for what came out."""
    cards = [
        blocks.task_card("create", "Create the endpoint", "complete", output="1 s"),
        blocks.task_card("serve", "Serve", "pending"),
    ]
    assert blocks.plan("Deploying", cards) == {
        "type": "plan",
        "title": "Deploying",
        "tasks": [
            {
                "type": "task_card",
                "task_id": "create",
                "title": "Create the endpoint",
                "status": "complete",
                "output": {
                    "type": "rich_text",
                    "elements": [
                        {"type": "rich_text_section", "elements": [{"type": "text", "text": "1 s"}]}
                    ],
                },
            },
            {"type": "task_card", "task_id": "serve", "title": "Serve", "status": "pending"},
        ],
    }
