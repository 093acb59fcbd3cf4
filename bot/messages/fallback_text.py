"""The text of a message's blocks, for notifications and screen readers.

Slack shows the blocks and reads the text, never both. Buttons and menus are left out: a screen
reader reaches them one by one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.messages.markup import escape

_TASK_WORDS = {
    "pending": "to do",
    "in_progress": "in progress",
    "complete": "done",
    "error": "failed",
}
_FORMATTING = re.compile("[`*]+")


def complete(text: str, blocks: Sequence[Mapping[str, Any]]) -> str:
    """Append each line of the blocks that the text, mrkdwn, doesn't contain.

    The text comes first, since a notification shows its beginning.
    """
    lines = [text]
    heard = _compared(text)
    for line in lines_of(blocks):
        if (compared := _compared(line)) not in heard:
            lines.append(line)
            heard += f" {compared}"
    return "\n".join(lines)


def lines_of(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The blocks' lines as mrkdwn; a plan's tasks are one line."""
    for block in blocks:
        if block["type"] == "plan":
            yield _plan(block)
            continue
        said = "".join(_texts(block)) if block["type"] == "rich_text" else "\n".join(_texts(block))
        yield from filter(str.strip, said.split("\n"))


def _plan(block: Mapping[str, Any]) -> str:
    tasks = [f"{escape(task['title'])} ({_TASK_WORDS[task['status']]})" for task in block["tasks"]]
    return f"{escape(block['title'])}: {', '.join(tasks)}"


def _texts(part: object) -> Iterator[str]:
    """The texts of a block, but for its buttons and menus."""
    match part:
        case {"type": "mrkdwn", "text": str(text)}:
            yield text
        case {"type": "plain_text" | "text", "text": str(text)}:
            yield escape(text)
        case {"type": "actions" | "input"}:
            return
        case Mapping():
            for key, inner in part.items():
                if key != "accessory":
                    yield from _texts(inner)
        case list() | tuple():
            for inner in part:
                yield from _texts(inner)


def _compared(text: str) -> str:
    """Text without fonts and line breaks."""
    return " ".join(_FORMATTING.sub("", text).split())
