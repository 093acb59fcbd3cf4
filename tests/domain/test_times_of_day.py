from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedule_days import ScheduleDays
from bot.domain.times_of_day import When, is_zone, next_time

ONCE, DAILY, WEEKDAYS = ScheduleDays.ONCE, ScheduleDays.DAILY, ScheduleDays.WEEKDAYS
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "time_of_day", "zone", "after", "comes"),
    [
        pytest.param(DAILY, "09:55", "UTC", "2026-11-23T09:00", "2026-11-23T09:55", id="today"),
        pytest.param(DAILY, "09:55", "UTC", "2026-11-23T09:55", "2026-11-24T09:55", id="just now"),
        pytest.param(
            ONCE, "09:00", "Asia/Kolkata", "2026-11-23T04:00", "2026-11-24T03:30", id="half hours"
        ),
        pytest.param(
            WEEKDAYS, "18:00", "Europe/Berlin", "2026-11-27T18:00", "2026-11-30T17:00", id="weekend"
        ),
        pytest.param(
            # Monday in Auckland while it is Sunday in UTC.
            WEEKDAYS,
            "08:00",
            "Pacific/Auckland",
            "2026-11-22T12:00",
            "2026-11-22T19:00",
            id="the zone's own Monday",
        ),
        pytest.param(
            DAILY, "18:00", "Europe/Berlin", "2026-03-28T17:00", "2026-03-29T16:00", id="spring"
        ),
        pytest.param(
            DAILY, "18:00", "Europe/Berlin", "2026-10-24T16:00", "2026-10-25T17:00", id="autumn"
        ),
        pytest.param(
            DAILY, "02:30", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T01:30", id="gap: 03:30"
        ),
        pytest.param(
            DAILY, "02:30", "Europe/Berlin", "2026-03-29T01:30", "2026-03-30T00:30", id="after it"
        ),
        pytest.param(
            DAILY, "02:30", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30", id="fold"
        ),
        pytest.param(
            DAILY,
            "02:30",
            "Europe/Berlin",
            "2026-10-25T00:30",
            "2026-10-26T01:30",
            id="fold: not twice",
        ),
        pytest.param(
            DAILY, "02:30", "America/New_York", "2026-03-08T00:00", "2026-03-08T07:30", id="NY gap"
        ),
        pytest.param(
            DAILY, "01:30", "America/New_York", "2026-11-01T00:00", "2026-11-01T05:30", id="NY fold"
        ),
        pytest.param(
            # Lord Howe moves its clocks by half an hour.
            DAILY,
            "02:15",
            "Australia/Lord_Howe",
            "2026-10-03T12:00",
            "2026-10-03T15:45",
            id="a gap of half an hour",
        ),
    ],
)
def test_the_next_time_by_the_zones_own_clock(
    days: ScheduleDays, time_of_day: str, zone: str, after: str, comes: str
) -> None:
    """Right across daylight saving: skipped times come later, repeated ones once."""
    assert next_time(When(days, time_of_day, zone), at(after)) == at(comes)


def test_one_day_that_is_over_never_comes() -> None:
    """A date lies ahead or it doesn't."""
    when = When(ONCE, "09:00", "UTC", "2026-11-23")
    assert next_time(when, at("2026-11-23T08:59")) == at("2026-11-23T09:00")
    assert next_time(when, at("2026-11-23T09:00")) is None


@given(
    st.sampled_from(ZONES),
    st.sampled_from([DAILY, WEEKDAYS]),
    st.times(),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
)
def test_what_recurs_always_comes_again(
    zone: str, days: ScheduleDays, time: object, after: datetime
) -> None:
    """Whatever the zone and the day, there is a next time, at most a long weekend away."""
    comes = next_time(When(days, f"{time:%H:%M}", zone), after)
    assert comes is not None
    hours = (comes - after).total_seconds() / 3600
    assert 0 < hours <= (26 if days is DAILY else 74)


def test_zones_that_nobody_knows_are_told_apart() -> None:
    """Slack may name a zone that this machine doesn't know."""
    assert is_zone("Europe/Berlin")
    assert not is_zone("Mars/Olympus_Mons")
