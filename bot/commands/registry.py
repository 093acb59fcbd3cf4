"""Every command, button, modal, shortcut and event, each named once and led to its handler."""

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot.commands.context import DeferredTask, Services, ViewResponse
from bot.domain.process.slash_command import SLASH
from bot.messages.blocks import Block
from bot.slack.requests import (
    BlockAction,
    Event,
    OptionsRequest,
    ShortcutUse,
    SlashCommand,
    ViewSubmission,
)

CommandHandler = Callable[[Services, SlashCommand], Awaitable[DeferredTask]]
ClickHandler = Callable[[Services, BlockAction], Awaitable[DeferredTask]]
SubmissionHandler = Callable[[Services, ViewSubmission], Awaitable[ViewResponse]]
SuggestionHandler = Callable[[Services, OptionsRequest], Awaitable[Sequence[Block]]]
ShortcutHandler = Callable[[Services, ShortcutUse], Awaitable[DeferredTask]]
EventHandler = Callable[[Services, Event], Awaitable[DeferredTask]]

T = TypeVar("T")

__all__ = ["SLASH"]


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
class Shortcut:
    """An entry in the menu of every message.

    Attributes:
        callback_id: What Slack calls it.
        name: What people read, at most 24 characters.
        summary: What it does, plain, at most 150 characters.
        run: Its handler.
    """

    callback_id: str
    name: str
    summary: str
    run: ShortcutHandler


@dataclass(frozen=True, slots=True)
class Feature:
    """What one module of this package brings.

    Attributes:
        commands: Words of the slash command.
        clicks: By action id, or by its part before the last dot, for buttons in a numbered row.
        submissions: By the modal's callback id.
        suggestions: Options of menus that are searched while a person types, named like clicks.
        shortcuts: Entries of messages' menus.
        events: By the event's type.
    """

    commands: Sequence[Command] = ()
    clicks: Mapping[str, ClickHandler] = field(default_factory=dict)
    submissions: Mapping[str, SubmissionHandler] = field(default_factory=dict)
    suggestions: Mapping[str, SuggestionHandler] = field(default_factory=dict)
    shortcuts: Sequence[Shortcut] = ()
    events: Mapping[str, EventHandler] = field(default_factory=dict)


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
        self.shortcuts: dict[str, Shortcut] = {}
        self.events: dict[str, EventHandler] = {}
        for feature in features:
            for command in feature.commands:
                _claim(self.commands, command.name, command)
            for action_id, click in feature.clicks.items():
                _claim(self.clicks, action_id, click)
            for callback_id, submission in feature.submissions.items():
                _claim(self.submissions, callback_id, submission)
            for action_id, suggestion in feature.suggestions.items():
                _claim(self.suggestions, action_id, suggestion)
            for shortcut in feature.shortcuts:
                _claim(self.shortcuts, shortcut.callback_id, shortcut)
            for kind, event in feature.events.items():
                _claim(self.events, kind, event)

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
