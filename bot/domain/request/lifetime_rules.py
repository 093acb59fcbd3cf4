"""The rules of an endpoint's lifetime."""

import re

from bot.domain.request.duration import LEAST_SECONDS, MOST_SECONDS, format_duration, parse_duration
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rule import Rule, SuggestFix

EXAMPLE_SPAN = "8h"


def _seconds(reading: ParsedDraft) -> int | None:
    return parse_duration(reading.text("lifetime"))


def _unreadable(reading: ParsedDraft) -> bool:
    return bool(reading.text("lifetime")) and _seconds(reading) is None


def _too_short(reading: ParsedDraft) -> bool:
    seconds = _seconds(reading)
    return seconds is not None and seconds < LEAST_SECONDS


def _nearest(reading: ParsedDraft) -> str | None:
    """A plain number probably means hours."""
    number = re.fullmatch(r"([0-9]{1,3})\s*[a-z]{0,6}", reading.text("lifetime").lower())
    if number is None or not 0 < int(number[1]) * 3600 <= MOST_SECONDS:
        return None
    return f"{int(number[1])}h"


def _suggested(reading: ParsedDraft) -> SuggestFix | None:
    nearest = _nearest(reading)
    return {"lifetime": nearest} if nearest else None


LIFETIME_RULES: tuple[Rule, ...] = (
    Rule(
        "lifetime",
        "a length of time",
        {"lifetime": "8"},
        "{given} isn't a length of time. Write it as `8h`, `2d` or `90m`.",
        _unreadable,
        _nearest,
        _suggested,
    ),
    Rule(
        "lifetime",
        "not too short",
        {"lifetime": "5m"},
        "{given} is too short: an endpoint runs for at least `30m`.",
        _too_short,
        lambda _: format_duration(LEAST_SECONDS),
        lambda _: {"lifetime": format_duration(LEAST_SECONDS)},
    ),
    Rule(
        "lifetime",
        "not too long",
        {"lifetime": "1000d"},
        "{given} is too long: `90d` is the most. It can be extended later.",
        lambda reading: (_seconds(reading) or 0) > MOST_SECONDS,
        lambda _: format_duration(MOST_SECONDS),
        lambda _: {"lifetime": format_duration(MOST_SECONDS)},
    ),
)
"""The rules of the lifetime field."""
