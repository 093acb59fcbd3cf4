"""Errors for people, and references for operators.

BotError
├── ConfigError      a setting is missing or malformed: one line per problem, on the terminal
└── UserError        shown unchanged, in Slack, to the requester

Friendli's errors are in `bot.domain.friendli_errors`. Everything else is a defect: it is logged
under a reference, and the user sees the reference.
"""

import secrets
from collections.abc import Sequence

# No vowels, no look-alikes: references are read aloud and typed by hand.
_REFERENCE_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"


class BotError(Exception):
    """Base of the bot's own errors."""


class ConfigError(BotError):
    """One or more settings are invalid.

    Attributes:
        problems: One line each: the variable, what is wrong and how to get it.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UserError(BotError):
    """An error that the user can understand and correct.

    Attributes:
        hint: What to do next, as escaped mrkdwn.
        actions: Button elements that do it, for an actions block.
    """

    def __init__(
        self, message: str, *, hint: str = "", actions: Sequence[dict[str, object]] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.actions = tuple(actions)


def new_reference() -> str:
    """A short id that connects what a user saw to a log line."""
    return "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(7))
