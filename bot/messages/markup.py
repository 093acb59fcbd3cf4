"""Makes foreign text safe for Slack, and quantities readable.

Arguments named `text` are plain; results are mrkdwn.
"""

from datetime import UTC, datetime
from decimal import Decimal

from bot.domain.characters import visible
from bot.domain.grants import Subject
from bot.domain.subjects import SubjectKind
from bot.domain.text import quoted


def escape(text: str) -> str:
    """Escape Slack's three special characters, so that no text can mention anyone.

    Hidden characters are spelled out, so that no text reads as another one.
    """
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Fixed-width, on one line."""
    return escape(quoted(text))


def bold(text: str) -> str:
    """Bold; Slack has no escape for `*`, so a look-alike replaces it."""
    one_line = " ".join(text.split())
    return "*" + escape(one_line.replace("*", "\N{ASTERISK OPERATOR}")) + "*"


def mention(user_id: str) -> str:
    """The person is notified where the message is new."""
    return f"<@{user_id}>"


def mention_group(group_id: str) -> str:
    return f"<!subteam^{group_id}>"


def link(url: str, label: str) -> str:
    address = escape(url).replace("|", "%7C")
    return f"<{address}|{escape(' '.join(label.split()))}>"


def money(per_hour: Decimal) -> str:
    """Dollars per hour, to the cent: "$10.00/h"."""
    return f"${per_hour:,.2f}/h"


def duration(seconds: float) -> str:
    """Such as "48 s", "4 min 12 s", "2 h 5 min" or "3 d 4 h"."""
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


def moment(at: datetime, tokens: str = "{date_short_pretty} at {time}", *, lead: str = "") -> str:
    """A moment that each reader sees in their own time zone.

    Args:
        at: Aware.
        tokens: Slack's date tokens; "{time}" alone for today.
        lead: Words before it, plain. Slack capitalizes a day that begins the text.
    """
    fallback = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{lead}{tokens}|{lead}{fallback}>"


def capitalized(words: str) -> str:
    """Start a sentence with words that may be a mention."""
    return words[:1].upper() + words[1:]


def who(subject: Subject) -> str:
    match subject.kind:
        case SubjectKind.EVERYONE:
            return "everyone in the channel"
        case SubjectKind.ADMINS:
            return "workspace admins"
        case SubjectKind.GROUP:
            return mention_group(subject.id)
        case SubjectKind.PERSON:
            return mention(subject.id)
