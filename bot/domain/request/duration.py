"""Durations as people type them: "8h", "2d", "90 min"."""

import re

LEAST_SECONDS = 30 * 60
MOST_SECONDS = 90 * 24 * 3600

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(
    r"\s*([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*"
    r"(?:(w(?:eeks?)?)|(d(?:ays?)?)|(h(?:ours?|rs?)?)|(m(?:in(?:ute)?s?)?))(?![a-z])",
    re.IGNORECASE,
)


def parse_duration(text: str) -> int | None:
    """Parse a duration to seconds, in whole minutes; None if it isn't one.

    Accepts weeks, days, hours and minutes, alone or in sequence, such as "1d 12h".
    """
    total, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            break
        unit = next(letter for letter in part.groups()[1:] if letter)[0].lower()
        total += float(part[1]) * _UNITS[unit]
        at = part.end()
    return round(total / 60) * 60 if at and not text[at:].strip() else None


def format_duration(seconds: int) -> str:
    for letter in ("d", "h"):
        if seconds % _UNITS[letter] == 0:
            return f"{seconds // _UNITS[letter]}{letter}"
    return f"{seconds // 60}m"
