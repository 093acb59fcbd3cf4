"""Slack's text and blocks: what people and APIs wrote made safe, and quantities made readable.

Everything named `text` in a function of the first half is plain and comes out as mrkdwn; the
block constructors of the second half take mrkdwn that is already safe, unless they say plain.
Limits are those of Slack's Block Kit reference. Where text of unknown length may land, it is cut,
because Slack refuses the whole message over one character too many.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

Block = dict[str, object]
"""A block, an element or a composition object, as Slack's JSON spells it."""

ButtonStyle = Literal["primary", "danger"]
TaskStatus = Literal["pending", "in_progress", "complete", "error"]
Trigger = Literal["on_enter_pressed", "on_character_entered"]

ELLIPSIS = "…"
_SECTION = 3_000
_BUTTON = 75
_OPTION = 75
_PLACEHOLDER = 150
_INPUT_LABEL = 2_000


def escape(text: str) -> str:
    """Escape the three characters that Slack reads as markup, so that no text can ping anyone."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Undo `escape`, which Slack itself applies to what people type into a command."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def quoted(text: str) -> str:
    """Put plain text between backticks, which it can't break out of; not escaped."""
    one_line = " ".join(text.split()) or " "
    return "`" + one_line.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}") + "`"


def code(text: str) -> str:
    """Show plain text in a fixed-width font, on one line."""
    return escape(quoted(text))


def bold(text: str) -> str:
    """Show plain text in bold. Slack has no escape for `*`, so a look-alike stands in for it."""
    one_line = " ".join(text.split())
    return "*" + escape(one_line.replace("*", "\N{ASTERISK OPERATOR}")) + "*"


def mention(user_id: str) -> str:
    """Mention a person, who is notified where the message is new."""
    return f"<@{user_id}>"


def mention_group(group_id: str) -> str:
    """Mention a user group."""
    return f"<!subteam^{group_id}>"


def link(url: str, label: str) -> str:
    """Link plain text to an address."""
    address = escape(url).replace("|", "%7C")
    return f"<{address}|{escape(' '.join(label.split()))}>"


def money(per_hour: Decimal) -> str:
    """Write dollars per hour, to the cent: "$10.00/h"."""
    return f"${per_hour:,.2f}/h"


def duration(seconds: float) -> str:
    """Write how long something took: "48 s", "4 min 12 s", "2 h 5 min", "3 d 4 h"."""
    whole = int(seconds)
    if whole < 1:
        return "under 1 s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    first = next(at for at, (_, size) in enumerate(units) if whole >= size)
    parts = []
    for unit, size in units[first : first + 2]:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


def moment(at: datetime, tokens: str = "{date_short_pretty} at {time}") -> str:
    """Write a moment that each reader sees in their own time zone.

    Args:
        at: An aware moment.
        tokens: Slack's date tokens; "{time}" alone suits a moment of today.
    """
    fallback = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{tokens}|{fallback}>"


def clip(text: str, limit: int) -> str:
    """Cut text at a limit in characters, never inside an entity or a `<…>` of mrkdwn."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(ELLIPSIS)]
    return re.sub(r"(&[a-z]{0,3}|<[^<>]*)\Z", "", kept) + ELLIPSIS


def plain(text: str, limit: int = _SECTION) -> Block:
    """A plain text object; colons are not read as emoji."""
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def mrkdwn(text: str, limit: int = _SECTION) -> Block:
    """A mrkdwn text object; a bare "@here" or address in it stays plain text."""
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def section(text: str, *, accessory: Block | None = None) -> Block:
    """A paragraph, with an element beside it if one is given."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory is not None:
        block["accessory"] = accessory
    return block


def context(*texts: str, block_id: str | None = None) -> Block:
    """One to ten small grey texts on a line."""
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
    """A button with a plain label; `value` comes back when it is pressed, at most 2,000 long."""
    element: Block = {"type": "button", "text": plain(text, _BUTTON), "action_id": action_id}
    for key, given in (("value", value), ("style", style), ("url", url), ("confirm", confirmation)):
        if given is not None:
            element[key] = given
    return element


def confirm(title: str, text: str, *, yes: str, no: str, style: ButtonStyle | None = None) -> Block:
    """A question that Slack asks before it passes a press on; all of it is plain text."""
    question: Block = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    if style is not None:
        question["style"] = style
    return question


def option(text: str, value: str) -> Block:
    """A choice of a menu, radio buttons or checkboxes; `value` is at most 150 long."""
    return {"text": plain(text, _OPTION), "value": value}


def static_select(action_id: str, placeholder: str, options: Sequence[Block]) -> Block:
    """A menu of 1 to 100 options."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, _PLACEHOLDER),
        "options": list(options),
    }


def external_select(action_id: str, placeholder: str) -> Block:
    """A menu whose options we are asked for: when it is opened, and with each thing typed."""
    return {
        "type": "external_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, _PLACEHOLDER),
        "min_query_length": 0,
    }


def option_group(label: str, options: Sequence[Block]) -> Block:
    """Up to 100 choices of a menu under a common plain label."""
    return {"label": plain(label, _OPTION), "options": list(options)}


def text_input(
    action_id: str,
    *,
    max_length: int,
    initial: str | None = None,
    placeholder: str | None = None,
    trigger: Trigger | None = None,
) -> Block:
    """A field for one line of text, at most `max_length` (1 to 3,000) characters."""
    element: Block = {"type": "plain_text_input", "action_id": action_id, "max_length": max_length}
    return _prefilled(element, initial=initial, placeholder=placeholder, trigger=trigger)


def number_input(
    action_id: str,
    *,
    decimal: bool = False,
    initial: str | None = None,
    placeholder: str | None = None,
    trigger: Trigger | None = None,
) -> Block:
    """A field for a number, whole unless `decimal`; Slack takes the initial one as text."""
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
    """A labelled field of a modal.

    Args:
        label: Plain text above the field.
        element: The field.
        block_id: What Slack keeps the typed value under while the modal changes.
        optional: Whether it may stay empty.
        hint: Plain text below the field.
        dispatch: Whether a change is told at once and not only on submission.
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
    """A rich text block of one plain line, as the details of a task take it."""
    line: Block = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [line]}


def task_card(task_id: str, title: str, status: TaskStatus, *, output: str | None = None) -> Block:
    """A step of a plan; title and output are plain, and the output is one line."""
    card: Block = {"type": "task_card", "task_id": task_id, "title": title, "status": status}
    if output is not None:
        card["output"] = rich_line(output)
    return card


def plan(title: str, tasks: Sequence[Block]) -> Block:
    """Up to 50 steps with distinct ids under a plain title; for messages, not for modals."""
    return {"type": "plan", "title": title, "tasks": list(tasks)}


def header(text: str) -> Block:
    """A headline of plain text, at most 150 characters."""
    return {"type": "header", "text": plain(text, 150)}


def divider() -> Block:
    """A line between blocks."""
    return {"type": "divider"}
