"""What a message shows and its `text` doesn't say: written apart from the bot's own way."""

import re
from collections.abc import Iterator, Sequence
from html import escape

_LIMIT = 4_000
_PRESSED = {"actions", "button", "overflow"}


def unheard(text: str, blocks: Sequence[object]) -> list[str]:
    """The lines of blocks that are missing from the text of the same message.

    Nothing is missing where the text is as long as Slack takes it.
    """
    if len(text.encode()) > _LIMIT - 10:
        return []
    heard = _plain(text)
    lines = [line for shown in _shown(blocks) for line in shown.split("\n")]
    return [line for line in lines if _plain(line) not in heard]


def _shown(part: object) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _shown(inner)
    if not isinstance(part, dict) or part.get("type") in _PRESSED:
        return
    for key, inner in part.items():
        if key in {"text", "title"} and isinstance(inner, str):
            is_plain = part["type"] != "mrkdwn"
            yield escape(inner, quote=False) if is_plain else inner
        else:
            yield from _shown(inner)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*]", "", text).split())
