"""Every command, button, modal, shortcut and event, mapped to its handler.

A handler takes the request, and the services that it needs as further parameters:
`bot.commands.injection` fills them in by type. It runs before Slack is acknowledged and has
milliseconds: only what spends money or decides is written there.
"""

import difflib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.commands.injection import Injector
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

DeferredTask = Coroutine[object, object, None] | None

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ViewResponse:
    """The response to a submitted modal; with neither errors nor a view, the modal closes.

    Attributes:
        errors: By block id; the modal stays open and shows them.
        view: Replaces the modal, or is pushed on top of it.
        closes_all: Whether the modals below it close too.
    """

    errors: Mapping[str, str] | None = None
    view: Mapping[str, Any] | None = None
    work: DeferredTask = None
    is_pushed: bool = False
    closes_all: bool = False


CommandHandler = Callable[Concatenate[SlashCommand, ...], Awaitable[DeferredTask]]
ClickHandler = Callable[Concatenate[BlockAction, ...], Awaitable[DeferredTask]]
SubmissionHandler = Callable[Concatenate[ViewSubmission, ...], Awaitable[ViewResponse]]
SuggestionHandler = Callable[Concatenate[OptionsRequest, ...], Awaitable[Sequence[Block]]]
ShortcutHandler = Callable[Concatenate[ShortcutUse, ...], Awaitable[DeferredTask]]
EventHandler = Callable[Concatenate[Event, ...], Awaitable[DeferredTask]]

__all__ = ["SLASH"]


def deferred(
    work: Callable[_P, Coroutine[object, object, None]],
) -> Callable[_P, Awaitable[DeferredTask]]:
    """Run a handler after the acknowledgement."""

    @wraps(work)
    async def handler(*args: _P.args, **kwargs: _P.kwargs) -> DeferredTask:
        return work(*args, **kwargs)

    return handler


@dataclass(frozen=True, slots=True)
class Command:
    """A first word of the slash command. The summary is one line of mrkdwn."""

    name: str
    arguments: str
    summary: str
    run: CommandHandler

    @property
    def usage(self) -> str:
        return " ".join(filter(None, (SLASH, self.name, self.arguments)))


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An entry in the menu of every message: a name of 24 characters, a summary of 150 at most."""

    callback_id: str
    name: str
    summary: str
    run: ShortcutHandler


@dataclass(frozen=True, slots=True)
class Feature:
    """What one module of this package registers.

    Attributes:
        clicks: By action id, or by its part before the last dot, for buttons in a numbered row.
        submissions: By the modal's callback id.
        suggestions: Options of menus that are searched, named like clicks.
        steps: What its handlers call with the services that it declares in turn.
    """

    commands: Sequence[Command] = ()
    clicks: Mapping[str, ClickHandler] = field(default_factory=dict)
    submissions: Mapping[str, SubmissionHandler] = field(default_factory=dict)
    suggestions: Mapping[str, SuggestionHandler] = field(default_factory=dict)
    shortcuts: Sequence[Shortcut] = ()
    events: Mapping[str, EventHandler] = field(default_factory=dict)
    steps: Sequence[Callable[Concatenate[Any, ...], Awaitable[object]]] = ()


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
        self._steps = [step for feature in features for step in feature.steps]
        for feature in features:
            _add(self.commands, {command.name: command for command in feature.commands})
            _add(self.clicks, feature.clicks)
            _add(self.submissions, feature.submissions)
            _add(self.suggestions, feature.suggestions)
            _add(self.shortcuts, {one.callback_id: one for one in feature.shortcuts})
            _add(self.events, feature.events)

    def bind(self, injector: Injector) -> None:
        injector.add(self)
        for name, command in self.commands.items():
            self.commands[name] = replace(command, run=injector.bind(command.run))
        for name, shortcut in self.shortcuts.items():
            self.shortcuts[name] = replace(shortcut, run=injector.bind(shortcut.run))
        self.clicks = _bound(self.clicks, injector.bind)
        self.submissions = _bound(self.submissions, injector.bind)
        self.suggestions = _bound(self.suggestions, injector.bind)
        self.events = _bound(self.events, injector.bind)
        for step in self._steps:
            injector.bind(step)

    def click(self, action_id: str) -> ClickHandler | None:
        return _numbered(self.clicks, action_id)

    def suggestion(self, action_id: str) -> SuggestionHandler | None:
        return _numbered(self.suggestions, action_id)

    def nearest(self, word: str) -> str | None:
        close = difflib.get_close_matches(word.lower(), self.commands, n=1)
        return close[0] if close else None


def _add(names: dict[str, _T], new: Mapping[str, _T]) -> None:
    for name, value in new.items():
        if name in names:
            raise ValueError(f"{name} is registered twice")
        names[name] = value


def _bound(handlers: Mapping[str, _T], bind: Callable[[_T], _T]) -> dict[str, _T]:
    return {name: bind(handler) for name, handler in handlers.items()}


def _numbered(handlers: Mapping[str, _T], action_id: str) -> _T | None:
    return handlers.get(action_id) or handlers.get(action_id.rpartition(".")[0])
