"""Which blocks stand on which surface, and which elements in which block."""

import pytest

from bot.sandbox.slack.blocks import Problem, check_message, check_view
from tests.sandbox.slack.blocks.examples import BLOCKS, ELEMENTS
from tests.sandbox.slack.blocks.payloads import (
    Payload,
    actions,
    home,
    input_block,
    message,
    modal,
    section,
)

SURFACES = ("message", "modal", "home")
# The surfaces that take each kind of block; the others refuse it by its type.
BLOCK_SURFACES = {
    "actions": SURFACES,
    "alert": ("modal",),
    "bare section": SURFACES,
    "card": (),
    "context": SURFACES,
    "context actions": ("message",),
    "divider": SURFACES,
    "fields": SURFACES,
    "file": (),
    "header": SURFACES,
    "image": SURFACES,
    "input": SURFACES,
    "markdown": ("message",),
    "plan": ("message",),
    "rich text": SURFACES,
    "section": SURFACES,
    "table": ("message",),
    "task card": ("message",),
    "video": (),
}
ANYWHERE = {
    "channels",
    "checkboxes",
    "conversations",
    "date",
    "external",
    "grouped",
    "multi channels",
    "multi conversations",
    "multi external",
    "multi static",
    "multi users",
    "radio",
    "static",
    "time",
    "users",
}
BUTTONS = {"button", "bare button", "overflow"}
ACCESSORIES = ANYWHERE | BUTTONS | {"image", "image file"}
TYPED = {"date and time", "decimal", "email", "number", "rich input", "text", "url"}
# The elements that each place takes, by surface; it refuses the others by their type.
PLACES = {
    ("section", "message"): ACCESSORIES,
    ("section", "modal"): ACCESSORIES,
    ("section", "home"): ACCESSORIES,
    ("actions", "message"): ANYWHERE | BUTTONS | {"date and time"},
    ("actions", "modal"): ANYWHERE | BUTTONS | {"date and time"},
    ("actions", "home"): ANYWHERE | BUTTONS,
    ("input", "message"): ANYWHERE | {"date and time", "text"},
    ("input", "modal"): ANYWHERE | TYPED,
    ("input", "home"): ANYWHERE | {"rich input", "text"},
}


def check_on(surface: str, block: Payload) -> list[Problem]:
    """Check a message, modal or Home tab of one block."""
    if surface == "message":
        return check_message(message(block))
    return check_view(modal(block) if surface == "modal" else home(block))


def unsupported(surface: str, type_: str, pointer: str) -> list[Problem]:
    """Return the answer to a type that the place doesn't take."""
    error, root = ("invalid_blocks", "") if surface == "message" else ("invalid_arguments", "/view")
    detail = f"[ERROR] unsupported type: {type_} [json-pointer:{root}/blocks/0{pointer}]"
    return [Problem(error, detail)]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", BLOCKS)
def test_each_block_stands_only_on_its_surfaces(name: str, surface: str) -> None:
    """A block is taken on its surfaces and refused by its type on the others."""
    block = BLOCKS[name]

    expected = [] if surface in BLOCK_SURFACES[name] else unsupported(surface, block["type"], "")

    assert check_on(surface, block) == expected


@pytest.mark.parametrize(("place", "surface"), PLACES)
@pytest.mark.parametrize("name", ELEMENTS)
def test_each_element_stands_only_in_its_places(name: str, place: str, surface: str) -> None:
    """An element is taken in its blocks and surfaces and refused by its type in the others."""
    element = ELEMENTS[name]
    if place == "section":
        block, pointer = section(accessory=element), "/accessory"
    elif place == "actions":
        block, pointer = actions(element), "/elements/0"
    else:
        block, pointer = input_block(element), "/element"

    taken = name in PLACES[place, surface]

    assert check_on(surface, block) == (
        [] if taken else unsupported(surface, element["type"], pointer)
    )


@pytest.mark.parametrize("name", ELEMENTS)
def test_context_takes_text_and_images_only(name: str) -> None:
    """A context block refuses every interactive element."""
    element = ELEMENTS[name]

    found = check_message(message({"type": "context", "elements": [element]}))

    is_image = element["type"] == "image"
    assert found == ([] if is_image else unsupported("message", element["type"], "/elements/0"))


@pytest.mark.parametrize("name", ELEMENTS)
def test_context_actions_take_feedback_and_icons_only(name: str) -> None:
    """A context_actions block refuses every other element."""
    element = ELEMENTS[name]

    found = check_message(message({"type": "context_actions", "elements": [element]}))

    is_small = element["type"] in {"feedback_buttons", "icon_button"}
    assert found == ([] if is_small else unsupported("message", element["type"], "/elements/0"))
