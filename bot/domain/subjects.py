"""Subjects that permissions are granted to."""

from enum import StrEnum


class SubjectKind(StrEnum):
    """To whom something is granted."""

    EVERYONE = "everyone"
    """Everybody in the channel."""
    ADMINS = "admins"
    GROUP = "group"
    """A Slack user group."""
    PERSON = "person"
