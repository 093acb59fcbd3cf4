"""What a message's blocks say, as the text that notifications and screen readers get.

Slack shows the blocks and reads the text, never both. Buttons and menus are no part of it: a screen
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
    """Return the text with a line for each line of the blocks that it doesn't say already.

    Args:
        text: mrkdwn; comes first, since a notification shows its beginning.
        blocks: As Slack's JSON spells them.
    """
    lines = [text]
    heard = _compared(text)
    for line in spoken(blocks):
        if (compared := _compared(line)) not in heard:
            lines.append(line)
            heard += f" {compared}"
    return "\n".join(lines)


def spoken(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what blocks say, line by line, as mrkdwn; the tasks of a plan are one line."""
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
    """Yield the texts of a block, in order, without those of what can be pressed or chosen."""
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
    """Text without what only sets it out: fonts and line breaks."""
    return " ".join(_FORMATTING.sub("", text).split())
