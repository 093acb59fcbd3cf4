"""The rules of an endpoint's lifetime."""

import re

from bot.domain.request.duration import LEAST_SECONDS, MOST_SECONDS, format_duration, parse_duration
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rule import Rule, SuggestFix

EXAMPLE_DURATION = "8h"


def _seconds(parsed: ParsedDraft) -> int | None:
    return parse_duration(parsed.text("lifetime"))


def _unreadable(parsed: ParsedDraft) -> bool:
    return bool(parsed.text("lifetime")) and _seconds(parsed) is None


def _too_short(parsed: ParsedDraft) -> bool:
    seconds = _seconds(parsed)
    return seconds is not None and seconds < LEAST_SECONDS


def _nearest(parsed: ParsedDraft) -> str | None:
    """A plain number probably means hours."""
    number = re.fullmatch(r"([0-9]{1,3})\s*[a-z]{0,6}", parsed.text("lifetime").lower())
    if number is None or not 0 < int(number[1]) * 3600 <= MOST_SECONDS:
        return None
    return f"{int(number[1])}h"


def _suggested(parsed: ParsedDraft) -> SuggestFix | None:
    nearest = _nearest(parsed)
    return {"lifetime": nearest} if nearest else None


LIFETIME_RULES: tuple[Rule, ...] = (
    Rule(
        "lifetime",
        "a duration",
        {"lifetime": "8"},
        "{given} isn't a duration. Write `8h`, `2d` or `90m`.",
        _unreadable,
        _nearest,
        _suggested,
    ),
    Rule(
        "lifetime",
        "not too short",
        {"lifetime": "5m"},
        "{given} is too short. The shortest lifetime is `30m`.",
        _too_short,
        lambda _: format_duration(LEAST_SECONDS),
        lambda _: {"lifetime": format_duration(LEAST_SECONDS)},
    ),
    Rule(
        "lifetime",
        "not too long",
        {"lifetime": "1000d"},
        "{given} is too long. The longest lifetime is `90d`, and you can extend it later.",
        lambda parsed: (_seconds(parsed) or 0) > MOST_SECONDS,
        lambda _: format_duration(MOST_SECONDS),
        lambda _: {"lifetime": format_duration(MOST_SECONDS)},
    ),
)
"""The rules of the lifetime field."""
