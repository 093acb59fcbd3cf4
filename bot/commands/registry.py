"""Every command, button, menu and modal of the bot, each named once and led to its handler."""

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot.commands.desk import Click, Desk, Invocation, Query, Reaction, Submission, Work
from bot.messages.markup import Block

CommandHandler = Callable[[Desk, Invocation], Awaitable[Work]]
ClickHandler = Callable[[Desk, Click], Awaitable[Work]]
SubmissionHandler = Callable[[Desk, Submission], Awaitable[Reaction]]
SuggestionHandler = Callable[[Desk, Query], Awaitable[Sequence[Block]]]

T = TypeVar("T")

SLASH = "/friendli-deploy"


@dataclass(frozen=True, slots=True)
class Command:
    """A first word of the slash command.

    Attributes:
        name: The word.
        arguments: What may follow, for help.
        summary: What it does, one line of mrkdwn.
        run: Its handler.
    """

    name: str
    arguments: str
    summary: str
    run: CommandHandler

    @property
    def usage(self) -> str:
        """How it is typed."""
        return " ".join(filter(None, (SLASH, self.name, self.arguments)))


@dataclass(frozen=True, slots=True)
class Feature:
    """What one module of this package brings.

    Attributes:
        commands: Words of the slash command.
        clicks: By action id, or by its part before the last dot, for buttons in a numbered row.
        submissions: By the modal's callback id.
        suggestions: Options of menus that are searched while a person types, named like clicks.
    """

    commands: Sequence[Command] = ()
    clicks: Mapping[str, ClickHandler] = field(default_factory=dict)
    submissions: Mapping[str, SubmissionHandler] = field(default_factory=dict)
    suggestions: Mapping[str, SuggestionHandler] = field(default_factory=dict)


class Registry:
    """All features together.

    Raises:
        ValueError: Two features claim the same name.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.commands: dict[str, Command] = {}
        self.clicks: dict[str, ClickHandler] = {}
        self.submissions: dict[str, SubmissionHandler] = {}
        self.suggestions: dict[str, SuggestionHandler] = {}
        for feature in features:
            for command in feature.commands:
                _claim(self.commands, command.name, command)
            for action_id, click in feature.clicks.items():
                _claim(self.clicks, action_id, click)
            for callback_id, submission in feature.submissions.items():
                _claim(self.submissions, callback_id, submission)
            for action_id, suggestion in feature.suggestions.items():
                _claim(self.suggestions, action_id, suggestion)

    def click(self, action_id: str) -> ClickHandler | None:
        """The handler of a button; None for one that is no longer ours."""
        return self.clicks.get(action_id) or self.clicks.get(action_id.rpartition(".")[0])

    def suggestion(self, action_id: str) -> SuggestionHandler | None:
        """What finds the options of a menu; None for one that is no longer ours."""
        return self.suggestions.get(action_id) or self.suggestions.get(action_id.rpartition(".")[0])

    def nearest(self, word: str) -> str | None:
        """The command that a mistyped word may have meant."""
        close = difflib.get_close_matches(word.lower(), self.commands, n=1)
        return close[0] if close else None


def _claim(names: dict[str, T], name: str, value: T) -> None:
    if name in names:
        raise ValueError(f"{name} is registered twice")
    names[name] = value
