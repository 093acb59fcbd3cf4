"""The errors people read, and the short ids of those that only operators read.

BotError
├── ConfigError      a setting is missing or malformed: one line per problem, on the terminal
└── UserError        shown word for word, in Slack, to the person who asked

Friendli's own errors are in `bot.domain.friendli_errors`. Everything else is a defect: it is logged
under a reference, and the person sees the reference.
"""

import secrets
from collections.abc import Sequence

# No vowels, no look-alikes: a reference is read aloud and typed by hand.
_REFERENCE_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"


class BotError(Exception):
    """Base of the errors that this bot raises on purpose."""


class ConfigError(BotError):
    """One or more settings can't be used.

    Attributes:
        problems: one line each, naming the variable, what is wrong and how to get it.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UserError(BotError):
    """Something a person can understand and mend.

    Attributes:
        message: what happened and why, as Slack mrkdwn, already escaped.
        hint: what to do next, as Slack mrkdwn, already escaped.
        actions: button elements that do it, ready for an actions block.
    """

    def __init__(
        self, message: str, *, hint: str = "", actions: Sequence[dict[str, object]] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.actions = tuple(actions)


def new_reference() -> str:
    """Make a short id that ties what a person saw to a line in the log."""
    return "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(7))
