from datetime import UTC, datetime, timedelta

import pytest

from bot.commands.schedule_text import EXAMPLES, ScheduleTextError, read_when
from bot.domain.schedule_days import ScheduleDays
from bot.domain.times_of_day import When, next_time

# A Friday, half past nine in Amsterdam.
NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
ZONE = "Europe/Amsterdam"
NO_GUESS = ""


@pytest.mark.parametrize(
    ("typed", "days", "time_of_day", "date"),
    [
        ("at 09:55", "once", "09:55", None),
        ("at 9", "once", "09:00", None),
        ("at 9am", "once", "09:00", None),
        ("AT 9:55 PM", "once", "21:55", None),
        ("at 12am", "once", "00:00", None),
        ("at 12pm", "once", "12:00", None),
        ("at noon", "once", "12:00", None),
        ("at 18.30", "once", "18:30", None),
        ("at 18:00 on weekdays", "weekdays", "18:00", None),
        ("on weekdays at 18:00", "weekdays", "18:00", None),
        ("weekdays at 6pm", "weekdays", "18:00", None),
        ("every weekday at 6 p.m.", "weekdays", "18:00", None),
        ("at 9 daily", "daily", "09:00", None),
        ("daily at 9", "daily", "09:00", None),
        ("every day at 9", "daily", "09:00", None),
        ("tomorrow at 9", "once", "09:00", "2026-11-28"),
        ("at 9 tomorrow", "once", "09:00", "2026-11-28"),
        ("at 18:00 today", "once", "18:00", "2026-11-27"),
        ("on 2026-12-24 at 9", "once", "09:00", "2026-12-24"),
    ],
)
def test_times_are_read_as_people_write_them(
    typed: str, days: str, time_of_day: str, date: str | None
) -> None:
    """Once, daily or on weekdays, with a clock of 12 or of 24 hours, in any order."""
    assert read_when(typed, ZONE, NOW) == When(ScheduleDays(days), time_of_day, ZONE, date)


@pytest.mark.parametrize(
    ("typed", "said", "corrected"),
    [
        (
            "at 25:00",
            (f"`at 25:00` isn't a time of day. Write {EXAMPLES}."),
            None,
        ),
        (
            "at 13pm",
            (f"`at 13pm` isn't a time of day. Write {EXAMPLES}."),
            None,
        ),
        (
            "at 18:00 on mondays",
            (f"`at 18:00 on mondays` isn't a time of day. Write {EXAMPLES}."),
            NO_GUESS,
        ),
        *(
            (typed, f"`{typed}` isn't a time of day. Write {EXAMPLES}.", NO_GUESS)
            for typed in ("for 2 hours", "until 18:00", "every 2 hours", "before 9")
        ),
        (
            "on weekdays around 6pm",
            (f"`around 6pm` isn't a time of day. Write {EXAMPLES}."),
            "at 18:00 on weekdays",
        ),
        ("tomorrow", "`tomorrow` needs a time of day, such as `tomorrow at 18:00`.", None),
        ("daily weekdays at 9", "`daily` and `weekdays` conflict. Choose one.", None),
        ("today at 9", "`today at 9` has already passed in Europe/Amsterdam.", None),
        (
            "on 2026-02-30 at 9",
            (f"I don't know the day `2026-02-30`. Write {EXAMPLES}."),
            None,
        ),
        (
            "soon",
            (f"`soon` isn't a time of day. Write {EXAMPLES}."),
            None,
        ),
    ],
)
def test_slips_say_what_is_wrong(typed: str, said: str, corrected: str | None) -> None:
    """Each says what is valid."""
    field_error = read_when(typed, ZONE, NOW)
    assert isinstance(field_error, ScheduleTextError)
    assert field_error.words == said
    if corrected == NO_GUESS:
        assert field_error.corrected is None
    elif corrected is not None:
        assert field_error.corrected == corrected


@pytest.mark.parametrize(
    "typed",
    [
        "on weekdays around 6pm",
        "tomorrow",
        "daily",
        "weekdays",
        "daily weekdays at 9",
        "today at 9",
        "at about 7 tomorrow or so",
    ],
)
def test_a_correction_can_be_typed(typed: str) -> None:
    """Whatever is offered means something, and lies ahead."""
    field_error = read_when(typed, ZONE, NOW)
    assert isinstance(field_error, ScheduleTextError)
    assert field_error.corrected is not None
    when = read_when(field_error.corrected, ZONE, NOW)
    assert isinstance(when, When)
    assert next_time(when, NOW) is not None


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("in 2 hours", "2026-11-27T10:30"),
        ("in 2h", "2026-11-27T10:30"),
        ("In an hour", "2026-11-27T09:30"),
        ("in half an hour", "2026-11-27T09:00"),
        ("in 90 min", "2026-11-27T10:00"),
        ("in 1h 30m", "2026-11-27T10:00"),
        ("in 20 hours", "2026-11-28T04:30"),
        ("in 2 days", "2026-11-29T08:30"),
        ("after 45 minutes", "2026-11-27T09:15"),
    ],
)
def test_a_time_from_now_is_the_moment_that_it_means(typed: str, at: str) -> None:
    """Once, in so many hours: not at two o'clock."""
    when = read_when(typed, ZONE, NOW)
    assert isinstance(when, When)
    assert when.days is ScheduleDays.ONCE
    assert next_time(when, NOW) == datetime.fromisoformat(f"{at}+00:00")


@pytest.mark.parametrize("minutes", [30, 59, 61, 90, 119])
@pytest.mark.parametrize("now", ["2026-10-24T23:50", "2026-10-25T00:10", "2026-03-29T00:20"])
def test_a_time_from_now_holds_when_the_clock_changes(now: str, minutes: int) -> None:
    """A local time that comes twice, or never, is still the one that was meant."""
    present = datetime.fromisoformat(f"{now}+00:00")
    when = read_when(f"in {minutes} minutes", ZONE, present)
    assert isinstance(when, When)
    assert next_time(when, present) == present + timedelta(minutes=minutes)


@pytest.mark.parametrize("typed", ["in 0 minutes", "in 2", "in 200 days", "in two weeks or so"])
def test_a_time_from_now_that_is_none(typed: str) -> None:
    """No time is guessed from it."""
    error = read_when(typed, ZONE, NOW)
    assert isinstance(error, ScheduleTextError)
    assert error.corrected is None
