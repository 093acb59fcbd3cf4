"""Blocks and elements within the lengths of Slack's Block Kit reference.

Texts are safe mrkdwn unless a docstring says plain. Text that may be too long is cut: Slack refuses
a whole message over one character too many.
"""

from collections.abc import Sequence
from typing import Literal

from bot.domain.characters import visible
from bot.domain.text import clip

Block = dict[str, object]
"""A block, an element or a composition object, as Slack's JSON spells it."""

ButtonStyle = Literal["primary", "danger"]
TaskStatus = Literal["pending", "in_progress", "complete", "error"]
Trigger = Literal["on_enter_pressed", "on_character_entered"]
_SECTION = 3_000
_BUTTON = 75
_OPTION = 75
_PLACEHOLDER = 150
_INPUT_LABEL = 2_000


def plain(text: str, limit: int = _SECTION) -> Block:
    """Plain text; colons aren't read as emoji."""
    return {"type": "plain_text", "text": clip(visible(text), limit), "emoji": False}


def mrkdwn(text: str, limit: int = _SECTION) -> Block:
    """Mrkdwn in which a bare "@here" or address stays plain text."""
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def section(text: str, *, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory is not None:
        block["accessory"] = accessory
    return block


def context(*texts: str, block_id: str | None = None) -> Block:
    """One to ten small texts on a line."""
    block: Block = {"type": "context", "elements": [mrkdwn(text) for text in texts]}
    if block_id is not None:
        block["block_id"] = block_id
    return block


def actions(*elements: Block, block_id: str | None = None) -> Block:
    """One to 25 buttons or menus in a row."""
    block: Block = {"type": "actions", "elements": list(elements)}
    if block_id is not None:
        block["block_id"] = block_id
    return block


def button(
    text: str,
    action_id: str,
    *,
    value: str | None = None,
    style: ButtonStyle | None = None,
    url: str | None = None,
    confirmation: Block | None = None,
) -> Block:
    """Plain label; `value` comes back with the click, at most 2,000 characters."""
    element: Block = {"type": "button", "text": plain(text, _BUTTON), "action_id": action_id}
    for key, given in (("value", value), ("style", style), ("url", url), ("confirm", confirmation)):
        if given is not None:
            element[key] = given
    return element


def confirm(title: str, text: str, *, yes: str, no: str, style: ButtonStyle | None = None) -> Block:
    """Slack's dialog before a click counts; plain text."""
    question: Block = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    if style is not None:
        question["style"] = style
    return question


def option(text: str, value: str, description: str = "") -> Block:
    """`value` is at most 150 characters."""
    choice: Block = {"text": plain(text, _OPTION), "value": value}
    if description:
        choice["description"] = plain(description, _OPTION)
    return choice


def static_select(action_id: str, placeholder: str, options: Sequence[Block]) -> Block:
    """A menu of 1 to 100 options."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, _PLACEHOLDER),
        "options": list(options),
    }


def overflow(action_id: str, options: Sequence[Block]) -> Block:
    """The ⋯ menu of 1 to 5 options."""
    return {"type": "overflow", "action_id": action_id, "options": list(options)}


def external_select(action_id: str, placeholder: str, chosen: Block | None = None) -> Block:
    """A menu that requests its options when it is opened or typed into."""
    element: Block = {
        "type": "external_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, _PLACEHOLDER),
        "min_query_length": 0,
    }
    if chosen is not None:
        element["initial_option"] = chosen
    return element


def option_group(label: str, options: Sequence[Block]) -> Block:
    """Up to 100 options under a plain label."""
    return {"label": plain(label, _OPTION), "options": list(options)}


def text_input(
    action_id: str,
    *,
    max_length: int,
    initial: str | None = None,
    placeholder: str | None = None,
    trigger: Trigger | None = None,
    multiline: bool = False,
) -> Block:
    """Text, at most `max_length` (1 to 3,000) characters."""
    element: Block = {"type": "plain_text_input", "action_id": action_id, "max_length": max_length}
    if multiline:
        element["multiline"] = True
    return _prefilled(element, initial=initial, placeholder=placeholder, trigger=trigger)


def number_input(
    action_id: str,
    *,
    decimal: bool = False,
    initial: str | None = None,
    placeholder: str | None = None,
    trigger: Trigger | None = None,
) -> Block:
    """Whole unless `decimal`; Slack takes the initial value as text."""
    element: Block = {
        "type": "number_input",
        "action_id": action_id,
        "is_decimal_allowed": decimal,
    }
    return _prefilled(element, initial=initial, placeholder=placeholder, trigger=trigger)


def _prefilled(
    element: Block, *, initial: str | None, placeholder: str | None, trigger: Trigger | None
) -> Block:
    if initial and not initial.isspace():
        element["initial_value"] = initial
    if placeholder is not None:
        element["placeholder"] = plain(placeholder, _PLACEHOLDER)
    if trigger is not None:
        element["dispatch_action_config"] = {"trigger_actions_on": [trigger]}
    return element


def input_block(
    label: str,
    element: Block,
    *,
    block_id: str,
    optional: bool = False,
    hint: str | None = None,
    dispatch: bool = False,
) -> Block:
    """A labelled field of a modal; texts are plain.

    Args:
        block_id: Slack keeps the typed value under it while the modal changes.
        dispatch: Whether a change is sent at once and not only on submission.
    """
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, _INPUT_LABEL),
        "element": element,
        "optional": optional,
        "dispatch_action": dispatch,
    }
    if hint is not None:
        block["hint"] = plain(hint, _INPUT_LABEL)
    return block


def rich_line(text: str) -> Block:
    """One plain line of rich text, as a task's details want it."""
    line: Block = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [line]}


def task_card(task_id: str, title: str, status: TaskStatus, *, output: str | None = None) -> Block:
    """A step of a plan; title and output are plain, the output is one line."""
    card: Block = {"type": "task_card", "task_id": task_id, "title": title, "status": status}
    if output is not None:
        card["output"] = rich_line(output)
    return card


def plan(title: str, tasks: Sequence[Block]) -> Block:
    """Up to 50 steps with distinct ids under a plain title; not for modals."""
    return {"type": "plan", "title": title, "tasks": list(tasks)}


def header(text: str) -> Block:
    """Plain text, at most 150 characters."""
    return {"type": "header", "text": plain(text, 150)}


def divider() -> Block:
    return {"type": "divider"}
