"""The next occurrence of a time of day in a time zone.

A time that is skipped when the clock is put forward (02:30 on one night of spring) comes as much
later as the clock skips, at 03:30; one that occurs twice when it is put back comes once, the first.
"""

from dataclasses import dataclass
from datetime import datetime

from whenever import Date, Instant, Time, TimeZoneNotFoundError, Weekday

from bot.domain.schedule_days import ScheduleDays

UTC_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class When:
    """A time of day, and on which days.

    Attributes:
        time_of_day: "HH:MM".
        date: The day, as "YYYY-MM-DD", with `ScheduleDays.ONCE`; None for the next occurrence.
    """

    days: ScheduleDays
    time_of_day: str
    zone: str
    date: str | None = None


def next_time(when: When, after: datetime) -> datetime | None:
    """The first occurrence after an aware moment; None if that day is over."""
    today = today_in(when.zone, after)
    days = [Date.parse_iso(when.date)] if when.date else [today.add(days=n) for n in range(9)]
    for day in days:
        if when.days is ScheduleDays.WEEKDAYS and day.day_of_week() in _WEEKEND:
            continue
        local = day.at(Time.parse_iso(when.time_of_day))
        at = local.assume_tz(when.zone, disambiguation="compatible").to_stdlib()
        if at > after:
            return at.astimezone(after.tzinfo)
    return None


_WEEKEND = (Weekday.SATURDAY, Weekday.SUNDAY)


def today_in(zone: str, at: datetime) -> Date:
    return Instant(at).to_tz(zone).date()


def is_zone(name: str) -> bool:
    try:
        Instant.from_timestamp(0).to_tz(name)
    except TimeZoneNotFoundError:
        return False
    return True
