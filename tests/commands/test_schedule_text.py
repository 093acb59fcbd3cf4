from datetime import UTC, datetime

import pytest

from bot.commands.schedule_text import ScheduleTextError, read_when
from bot.domain.schedule_days import ScheduleDays
from bot.domain.times_of_day import When, next_time

# A Friday, half past nine in Amsterdam.
NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
ZONE = "Europe/Amsterdam"


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
            (
                "`at 25:00` isn't a time of day. Write `at 18:00`, `at 6pm on weekdays`,"
                " `daily at 09:55` or `tomorrow at 9`."
            ),
            None,
        ),
        (
            "at 13pm",
            (
                "`at 13pm` isn't a time of day. Write `at 18:00`, `at 6pm on weekdays`,"
                " `daily at 09:55` or `tomorrow at 9`."
            ),
            None,
        ),
        (
            "at 18:00 on mondays",
            (
                "`at 18:00 on mondays` isn't a time of day. Write `at 18:00`, `at 6pm on weekdays`,"
                " `daily at 09:55` or `tomorrow at 9`."
            ),
            "at 18:00",
        ),
        (
            "on weekdays around 6pm",
            (
                "`around 6pm` isn't a time of day. Write `at 18:00`, `at 6pm on weekdays`,"
                " `daily at 09:55` or `tomorrow at 9`."
            ),
            "at 18:00 on weekdays",
        ),
        ("tomorrow", "`tomorrow` needs a time of day, such as `tomorrow at 18:00`.", None),
        ("daily weekdays at 9", "`daily` and `weekdays` can't both be meant. Choose one.", None),
        ("today at 9", "`today at 9` is over already, in Europe/Amsterdam.", None),
        (
            "on 2026-02-30 at 9",
            (
                "There is no day `2026-02-30`. Write `at 18:00`, `at 6pm on weekdays`,"
                " `daily at 09:55` or `tomorrow at 9`."
            ),
            None,
        ),
        (
            "soon",
            (
                "`soon` isn't a time of day. Write `at 18:00`, `at 6pm on weekdays`,"
                " `daily at 09:55` or `tomorrow at 9`."
            ),
            None,
        ),
    ],
)
def test_slips_say_what_is_wrong(typed: str, said: str, corrected: str | None) -> None:
    """Each says what is valid."""
    field_error = read_when(typed, ZONE, NOW)
    assert isinstance(field_error, ScheduleTextError)
    assert field_error.words == said
    if corrected is not None:
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
        "at 18:00 on mondays",
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
