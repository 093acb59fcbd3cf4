"""What holds for every payload: it is answered, and strangeness anywhere in it is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.slack.blocks import (
    Problem,
    check_message,
    check_suggestions,
    check_view,
    check_view_errors,
)
from bot.sandbox.slack.blocks.tree import nodes
from tests.sandbox.slack.blocks.examples import BLOCKS, ELEMENTS
from tests.sandbox.slack.blocks.payloads import (
    Json,
    Payload,
    changed,
    input_block,
    message,
    modal,
    section,
)

NEVER_DRAWN = {"card", "file", "video"}
PAYLOADS: dict[str, Payload] = {
    **{name: message(BLOCKS[name]) for name in BLOCKS.keys() - NEVER_DRAWN - {"alert"}},
    **{
        f"{name} element": modal(input_block(ELEMENTS[name]))
        for name in ("decimal", "email", "number", "rich input", "text", "url")
    },
    **{
        f"{name} accessory": message(section(accessory=element))
        for name, element in ELEMENTS.items()
        if check_message(message(section(accessory=element))) == []
    },
    "alert": modal(BLOCKS["alert"]),
}
PLACES = [
    (name, "".join(f"/{step}" for step in path), value)
    for name, payload in sorted(PAYLOADS.items())
    for path, value in nodes(payload)
    if path
]
KEYS = st.sampled_from(
    ["action_id", "block_id", "blocks", "elements", "errors", "metadata", "options", "text", "type"]
)
TYPES = sorted({block["type"] for block in BLOCKS.values()})
WORDS = st.sampled_from([*TYPES, "modal", "home", "plain_text", "mrkdwn", "<!", ""]) | st.text()
JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS | st.text(), JSON)


def check(payload: Payload) -> list[Problem]:
    """Check a view or a message."""
    return check_view(payload) if "type" in payload else check_message(payload)


@given(OBJECTS, JSON)
def test_anything_is_answered(payload: Payload, anything: Json) -> None:
    """No JSON makes a check fail itself, and each problem has an error and a pointer."""
    found = [
        *check_message(payload),
        *check_view(payload),
        *check_view(anything),
        *check_suggestions(payload),
        *check_view_errors(anything, payload),
    ]

    assert all(problem.error and "[json-pointer:" in problem.detail for problem in found)


@given(st.sampled_from(PLACES), JSON)
def test_anything_anywhere_is_answered(place: tuple[str, str, Json], anything: Json) -> None:
    """No JSON at any place of a valid payload makes a check fail itself."""
    name, pointer, _ = place

    found = check(changed(PAYLOADS[name], pointer, anything))

    assert all(problem.error and "[json-pointer:" in problem.detail for problem in found)


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_object_takes_an_unknown_field(name: str) -> None:
    """A field that Slack doesn't know is refused in every object of every example."""
    payload = PAYLOADS[name]
    prefix, error = ("/view", "invalid_arguments") if "type" in payload else ("", "invalid_blocks")

    for example, pointer, value in PLACES:
        if example == name and isinstance(value, dict):
            detail = f"[ERROR] unknown field: colour [json-pointer:{prefix}{pointer}]"
            found = check(changed(payload, f"{pointer}/colour", "red"))
            assert Problem(error, detail) in found


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_nothing_is_null(name: str) -> None:
    """A null is refused at every place of every example, and pointed at."""
    payload = PAYLOADS[name]
    prefix = "/view" if "type" in payload else ""

    for example, pointer, _ in PLACES:
        if example == name:
            (found,) = check(changed(payload, pointer, None))
            assert found.detail == f"[ERROR] must not be null [json-pointer:{prefix}{pointer}]"
