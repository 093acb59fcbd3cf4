"""The line of money and time before the click, word for word."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.domain.cost_forecast import CostForecast
from bot.domain.phase_times import UsualTime
from bot.messages.forecast import before_click, time_range

NOW = datetime(2026, 11, 28, 10, 42, tzinfo=UTC)
TEN = Decimal(10)
BY = "<!date^1795891320^{time}|2026-11-28 18:42 UTC>"


@pytest.mark.parametrize(
    ("forecast", "line"),
    [
        (CostForecast(TEN, 1, 1), "*$10.00/h* while live ($7,300/month)"),
        (CostForecast(TEN, 2, 2), "*$20.00/h* for 2 replicas while live ($14,600/month)"),
        (CostForecast(TEN, 0, 1), "*$10.00/h* while live ($7,300/month), $0.00/h asleep"),
        (
            CostForecast(TEN, 0, 4),
            "*$10.00/h–$40.00/h* while live ($7,300–$29,200/month), $0.00/h asleep",
        ),
        (CostForecast(TEN, 2, 4), "*$20.00/h–$40.00/h* while live ($14,600–$29,200/month)"),
        (CostForecast(TEN), "*$10.00/h* per replica while live; Friendli decides how many"),
        (CostForecast(None, 1, 1), "Price unknown"),
        (CostForecast(None, 1, 1, 3600), "Price unknown"),
        (
            CostForecast(TEN, 1, 1, 8 * 3600),
            f"*$10.00/h* while live ($7,300/month) · about $80.00 by {BY}",
        ),
        (
            CostForecast(TEN, 0, 4, 8 * 3600),
            (
                "*$10.00/h–$40.00/h* while live ($7,300–$29,200/month), $0.00/h asleep"
                f" · at most $320.00 by {BY}"
            ),
        ),
        (
            CostForecast(TEN, 1, 1, 2 * 86_400),
            (
                "*$10.00/h* while live ($7,300/month) · about $480.00 by"
                " <!date^1796035320^{date_short} {time}|2026-11-30 10:42 UTC>"
            ),
        ),
        (
            CostForecast(TEN, None, None, 8 * 3600),
            "*$10.00/h* per replica while live; Friendli decides how many",
        ),
    ],
)
def test_the_price_at_every_scale(forecast: CostForecast, line: str) -> None:
    """Per hour and month, asleep, and by the end of the lifetime."""
    assert before_click(forecast, present=NOW) == line


def test_the_whole_line() -> None:
    """Price, total, time and approval."""
    line = before_click(
        CostForecast(TEN, 1, 1, 8 * 3600),
        present=NOW,
        usual=UsualTime(235, 350),
        approval="prod needs approval above $8.00/h",
    )
    assert line == (
        f"*$10.00/h* while live ($7,300/month) · about $80.00 by {BY}"
        " · usually live in 4–6 min · prod needs approval above $8.00/h"
    )


@pytest.mark.parametrize(
    ("median", "p90", "words"),
    [
        (20, 45, "20–45 s"),
        (48, 120, "48 s–2 min"),
        (59.4, 59.4, "59 s"),
        (59.6, 61, "1 min"),
        (240, 360, "4–6 min"),
        (240, 250, "4 min"),
        (5400, 9000, "1.5–2.5 h"),
        (3600, 7200, "60 min–2 h"),
        (0.2, 0.2, "1 s"),
    ],
)
def test_a_range_reads_as_people_say_it(median: float, p90: float, words: str) -> None:
    """In one unit where both have it."""
    assert time_range(UsualTime(median, p90)) == words
