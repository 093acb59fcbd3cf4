"""When a price is more than what somebody agreed to."""

from decimal import Decimal

import pytest

from bot.services.terms import exceeds

FIVE, SIX = Decimal(5), Decimal(6)


@pytest.mark.parametrize(
    ("dollars", "agreed", "is_more"),
    [
        (SIX, FIVE, True),
        (FIVE, FIVE, False),
        (FIVE, SIX, False),
        # It may be any by now.
        (None, FIVE, True),
        # Who agreed to a price that nobody knew agreed to any.
        (SIX, None, False),
        (None, None, False),
    ],
)
def test_a_price_that_is_or_may_be_higher_was_not_agreed_to(
    dollars: Decimal | None,
    agreed: Decimal | None,
    is_more: bool,  # noqa: FBT001 - a case
) -> None:
    """It is asked about again."""
    assert exceeds(dollars, agreed) is is_more
