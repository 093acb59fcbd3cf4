"""Parse a time, such as "at 18:00 on weekdays" or "tomorrow at 9"."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from whenever import Date, Instant

from bot.domain.request.duration import parse_duration
from bot.domain.schedule_days import ScheduleDays
from bot.domain.text import clip, quoted
from bot.domain.times_of_day import UTC_ZONE, When, next_time, today_in

EXAMPLES = "`at 18:00`, `in 2 hours`, `at 6pm on weekdays` or `tomorrow at 9`"
_LONGEST_AHEAD = timedelta(days=90)

_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm|a\.m\.|p\.m\.)?", re.IGNORECASE)
_FROM_NOW = re.compile(r"(?:in|after) (?P<delay>.+)", re.IGNORECASE)
# A duration, a boundary or a rhythm, not a time of day.
_OTHER_MEANING = re.compile(
    r"\b(?:in|for|after|before|until|till|from|every|each|hours?|hrs?|min(?:ute)?s?|days?|weeks?|"
    r"months?|(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:days?)?)\b|\d[hm]\b",
    re.IGNORECASE,
)
_NAMED = {"noon": "12:00", "midnight": "00:00"}
_DAYS = re.compile(
    r"\b(?:(?P<weekdays>(?:on |every )?(?:weekdays?|workdays?))"
    r"|(?P<daily>daily|every ?day|each day)"
    r"|(?P<tomorrow>tomorrow)|(?P<today>today)"
    r"|(?:on )?(?P<date>\d{4}-\d{2}-\d{2})|(?P<once>once))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScheduleTextError:
    """An invalid time: plain text, the input in backticks; and what was most likely meant."""

    words: str
    corrected: str | None = None


def read_when(text: str, zone: str, now: datetime) -> When | ScheduleTextError:
    """Parse what follows an endpoint's name; the time must be later than `now`, which is aware."""
    line = " ".join(text.split())
    if (ahead := _FROM_NOW.fullmatch(line)) and (delay := _delay(ahead["delay"])):
        return _from_now(delay, zone, now)
    named = list(_DAYS.finditer(line))
    rest = " ".join(_DAYS.sub(" ", line).split())
    if len(named) > 1:
        kept = f"{_at(rest)} {named[0][0].lower()}".strip()
        given = " and ".join(quoted(found[0]) for found in named[:2])
        words = f"{given} conflict. Choose one."
        return ScheduleTextError(words, kept if isinstance(_time_of_day(rest), str) else None)
    time_of_day = _time_of_day(rest)
    if time_of_day is None:
        return _unreadable(line, rest, named[0][0].lower() if named else "")
    group = (named[0].lastgroup if named else None) or "once"
    days = {"weekdays": ScheduleDays.WEEKDAYS, "daily": ScheduleDays.DAILY}.get(
        group, ScheduleDays.ONCE
    )
    date = _date(group, named[0]["date"] if named else None, zone, now)
    if isinstance(date, ScheduleTextError):
        return date
    when = When(days, time_of_day, zone, date)
    if next_time(when, now) is None:
        return ScheduleTextError(
            f"{quoted(clip(line, 60))} has already passed in {zone}.", f"tomorrow at {time_of_day}"
        )
    return when


def _delay(typed: str) -> timedelta | None:
    """None if it isn't a length of time, or a longer one than can be planned."""
    words = re.sub(r"\bhalf an? hour\b", "30 min", typed.lower())
    seconds = parse_duration(re.sub(r"\ban?(?= )", "1", words)) or 0
    delay = timedelta(seconds=seconds)
    return delay if timedelta(0) < delay <= _LONGEST_AHEAD else None


def _from_now(delay: timedelta, zone: str, now: datetime) -> When:
    """The minute at which a delay is over, once."""
    at = now + delay
    at += timedelta(minutes=1) - timedelta(seconds=at.second or 60, microseconds=at.microsecond)
    local = Instant(at).to_tz(zone)
    when = When(ScheduleDays.ONCE, f"{local.hour:02}:{local.minute:02}", zone, str(local.date()))
    if next_time(when, now) == at:
        return when
    # Of a local time that occurs twice, the other one would be meant.
    utc = Instant(at).to_tz(UTC_ZONE)
    return When(ScheduleDays.ONCE, f"{utc.hour:02}:{utc.minute:02}", UTC_ZONE, str(utc.date()))


def _date(
    group: str, typed: str | None, zone: str, now: datetime
) -> str | ScheduleTextError | None:
    today = today_in(zone, now)
    match group:
        case "tomorrow":
            return str(today.add(days=1))
        case "today":
            return str(today)
        case "date":
            try:
                return str(Date.parse_iso(typed or ""))
            except ValueError:
                return ScheduleTextError(
                    f"I don't know the day {quoted(typed or '')}. Write {EXAMPLES}."
                )
        case _:
            return None


def _time_of_day(text: str) -> str | None:
    """As "HH:MM"; None if it isn't a time of day."""
    clock = re.sub(r"^(?:at|@)\s*", "", text, flags=re.IGNORECASE)
    if clock.lower() in _NAMED:
        return _NAMED[clock.lower()]
    found = _TIME.fullmatch(clock)
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def _at(rest: str) -> str:
    time_of_day = _time_of_day(rest)
    return f"at {time_of_day}" if time_of_day else ""


def _unreadable(line: str, rest: str, days: str) -> ScheduleTextError:
    given = quoted(clip(rest or line, 60))
    if not rest:
        words = f"{given} needs a time of day, such as `{days} at 18:00`."
        return ScheduleTextError(words, f"{days} at 18:00".strip())
    return ScheduleTextError(
        f"{given} isn't a time of day. Write {EXAMPLES}.", _nearest(rest, days)
    )


def _nearest(rest: str, days: str) -> str | None:
    """Filler words around a time of day can be left out; with others, it means something else."""
    if _OTHER_MEANING.search(rest):
        return None
    for found in _TIME.finditer(rest):
        time_of_day = _time_of_day(found[0].strip())
        if time_of_day is not None:
            return f"at {time_of_day} {days}".strip()
    return None
