from decimal import Decimal

import pytest

from bot.messages.price_words import dollars_in_words


@pytest.mark.parametrize(
    ("dollars", "words"),
    [
        ("1", "one dollar an hour"),
        ("100.00", "one hundred dollars an hour"),
        ("101.5", "one hundred one dollars and fifty cents an hour"),
        ("720", "seven hundred twenty dollars an hour"),
        ("7200", "seven thousand two hundred dollars an hour"),
        ("12345.01", "twelve thousand three hundred forty-five dollars and one cent an hour"),
        ("1000000", "one million dollars an hour"),
        ("999999999999", "more than nine hundred billion dollars an hour"),
    ],
)
def test_a_price_is_written_out(dollars: str, words: str) -> None:
    """So that nobody overlooks a comma or a zero."""
    assert dollars_in_words(Decimal(dollars)) == words
