"""Outside text, cut and quoted for people."""

import re

from bot.domain.characters import visible


def quoted(text: str) -> str:
    """Put plain text between backticks, which it can't break out of; not escaped."""
    one_line = " ".join(visible(text).split()) or " "
    return "`" + one_line.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}") + "`"


def clip(text: str, limit: int) -> str:
    """Cut text at a limit in characters, never inside an entity or a `<…>` of mrkdwn."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(ELLIPSIS)]
    return re.sub(r"(&[a-z]{0,3}|<[^<>]*)\Z", "", kept) + ELLIPSIS


ELLIPSIS = "…"


def unescape(text: str) -> str:
    """Undo `escape`, which Slack applies to what people type into a command."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_slack_sends(text: str) -> str:
    """Escape a line as Slack escapes what is typed; the inverse of `unescape`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
