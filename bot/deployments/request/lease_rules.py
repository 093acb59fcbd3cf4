"""What makes the time that an endpoint may run valid."""

import re

from bot.deployments.request.reading import Reading
from bot.deployments.request.rule import Mend, Rule
from bot.deployments.request.span import LEAST_SECONDS, MOST_SECONDS, read_span, write_span

EXAMPLE_SPAN = "8h"


def _seconds(reading: Reading) -> int | None:
    return read_span(reading.text("lease"))


def _unreadable(reading: Reading) -> bool:
    return bool(reading.text("lease")) and _seconds(reading) is None


def _too_short(reading: Reading) -> bool:
    seconds = _seconds(reading)
    return seconds is not None and seconds < LEAST_SECONDS


def _nearest(reading: Reading) -> str | None:
    """A number was most likely meant in hours."""
    number = re.fullmatch(r"([0-9]{1,3})\s*[a-z]{0,6}", reading.text("lease").lower())
    if number is None or not 0 < int(number[1]) * 3600 <= MOST_SECONDS:
        return None
    return f"{int(number[1])}h"


def _mended(reading: Reading) -> Mend | None:
    nearest = _nearest(reading)
    return {"lease": nearest} if nearest else None


LEASE_RULES: tuple[Rule, ...] = (
    Rule(
        "lease",
        "a length of time",
        {"lease": "8"},
        "{given} isn't a length of time. Write it as `8h`, `2d` or `90m`.",
        _unreadable,
        _nearest,
        _mended,
    ),
    Rule(
        "lease",
        "not too short",
        {"lease": "5m"},
        "{given} is too short: an endpoint runs for at least `30m`.",
        _too_short,
        lambda _: write_span(LEAST_SECONDS),
        lambda _: {"lease": write_span(LEAST_SECONDS)},
    ),
    Rule(
        "lease",
        "not too long",
        {"lease": "1000d"},
        "{given} is too long: `90d` is the most. It can be extended later.",
        lambda reading: (_seconds(reading) or 0) > MOST_SECONDS,
        lambda _: write_span(MOST_SECONDS),
        lambda _: {"lease": write_span(MOST_SECONDS)},
    ),
)
"""The rules of the field that says how long an endpoint runs."""
