import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.request.duration import LEAST_SECONDS, MOST_SECONDS, format_duration, parse_duration


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("8h", 28_800),
        ("8 hours", 28_800),
        ("8 HRS", 28_800),
        ("2d", 172_800),
        ("90m", 5_400),
        ("90 min", 5_400),
        ("1.5h", 5_400),
        ("1d12h", 129_600),
        ("1 day 12 hours", 129_600),
        ("1w", 604_800),
        ("0h", 0),
    ],
)
def test_lengths_are_read_as_people_write_them(typed: str, seconds: int) -> None:
    """Units may be spelled out, and follow one another."""
    assert parse_duration(typed) == seconds


@pytest.mark.parametrize("typed", ["", "8", "h", "8x", "1s", "-8h", "8h!", "tomorrow", "8 monkeys"])
def test_anything_else_is_no_length(typed: str) -> None:
    """A number alone, or an unknown unit, isn't guessed at."""
    assert parse_duration(typed) is None


@given(st.integers(LEAST_SECONDS // 60, MOST_SECONDS // 60))
def test_what_is_written_is_read_back(minutes: int) -> None:
    """Whatever length is valid survives its trip through a draft."""
    assert parse_duration(format_duration(minutes * 60)) == minutes * 60


@pytest.mark.parametrize(
    ("seconds", "written"), [(172_800, "2d"), (129_600, "36h"), (5_400, "90m"), (1_800, "30m")]
)
def test_lengths_are_written_in_the_largest_unit_that_fits(seconds: int, written: str) -> None:
    """As a person would type them."""
    assert format_duration(seconds) == written
