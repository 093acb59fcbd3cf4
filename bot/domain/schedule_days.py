"""The days on which a schedule runs."""

from enum import StrEnum


class ScheduleDays(StrEnum):
    """The days on which a schedule runs."""

    ONCE = "once"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
