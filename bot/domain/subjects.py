"""Subjects that permissions are granted to."""

from enum import StrEnum


class SubjectKind(StrEnum):
    """The kinds of subjects."""

    EVERYONE = "everyone"
    ADMINS = "admins"
    GROUP = "group"
    """A Slack user group."""
    PERSON = "person"
