"""The days on which a schedule runs."""

from enum import StrEnum


class ScheduleDays(StrEnum):
    """On which days a schedule acts."""

    ONCE = "once"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
