"""The option to try after one that was too small."""

from decimal import Decimal

import pytest

from bot.domain.fit import Fit
from bot.domain.instances import PUBLISHED_PRICES, parse
from bot.domain.next_option import next_option


@pytest.mark.parametrize(
    ("failed", "answers", "expected"),
    [
        ("1xA100", {}, "1xH200"),
        # What is known not to fit is left out, up to the largest.
        ("1xA100", {"1xH200": Fit.TOO_SMALL}, "2xA100"),
        ("1xA100", {"2xH100": Fit.FITS}, "2xH100"),
        ("1xA100", {"4xH100": Fit.FITS, "2xA100": Fit.TIGHT}, "4xH100"),
        ("1xA100", {"4xH100": Fit.TIGHT, "2xA100": Fit.TIGHT}, "2xA100"),
        # The cheapest of those that fit, though another has less memory.
        ("1xA100", {"2xA100": Fit.FITS, "1xB200": Fit.FITS, "1xH200": Fit.FITS}, "1xH200"),
        ("1xH200", {"2xA100": Fit.FITS, "1xB200": Fit.FITS}, "2xA100"),
        # Never back to a smaller one.
        ("2xH100", {"1xH200": Fit.FITS}, "1xB200"),
        ("8xB200", {}, None),
        ("4xB200", {"8xH200": Fit.TOO_SMALL, "8xB200": Fit.TOO_SMALL}, None),
    ],
)
def test_the_cheapest_that_fits_else_the_next_larger(
    failed: str, answers: dict[str, Fit], expected: str | None
) -> None:
    """By what was seen or computed of each."""
    found = next_option(
        parse(failed), lambda option: answers.get(option.key, Fit.UNKNOWN), PUBLISHED_PRICES
    )
    assert (found.key if found else None) == expected


def test_the_operators_prices_decide() -> None:
    """What is cheapest follows the price list in force."""
    prices = PUBLISHED_PRICES.override("H200=30")
    assert prices.per_hour(parse("1xH200")) == Decimal(30)
    found = next_option(parse("1xA100"), lambda _: Fit.FITS, prices)
    assert found == parse("2xA100")
