"""What every Web API method shares: arguments, errors, scopes, and the state it works on."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from bot.sandbox.slack.blocks import Problem
from bot.sandbox.slack.conversations import Channel, ChannelKind
from bot.sandbox.slack.modals import Modals
from bot.sandbox.slack.rate_limits import Limits, RateLimiter, Tier
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Workspace


class SlackError(Exception):
    """An answer with `"ok": false`.

    Args:
        error: Slack's name for it.
        messages: What `response_metadata.messages` explains.
        more: Further fields of the answer, such as `needed`.
    """

    def __init__(self, error: str, messages: Sequence[str] = (), **more: str) -> None:
        super().__init__(error)
        self.error = error
        self.messages = tuple(messages)
        self.more = more

    def document(self) -> JsonObject:
        """Return the answer's body."""
        body: JsonObject = {"ok": False, "error": self.error, **self.more}
        if self.messages:
            body["errors"] = [message.removeprefix("[ERROR] ") for message in self.messages]
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


class RateLimitedError(SlackError):
    """An answer with status 429.

    Args:
        retry_after: Whole seconds to wait.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class TokenKind(StrEnum):
    """Which token a method wants."""

    BOT = "bot"
    APP = "app"
    ANY = "any"
    NONE = "none"


@dataclass(slots=True)
class Backend:
    """The state that methods read and change.

    Attributes:
        workspace: People, channels and messages.
        modals: What is on people's screens.
        triggers: The rights to open modals.
        limiter: Counts calls and messages.
        limits: What the workspace grants.
        open_connection: Returns a new Socket Mode URL.
    """

    workspace: Workspace
    modals: Modals
    triggers: Triggers
    limiter: RateLimiter
    limits: Limits
    open_connection: Callable[[], str]

    def channel(self, channel_id: str) -> Channel:
        """Return a channel that the bot may know of.

        Raises:
            SlackError: channel_not_found, also for private channels without the bot.
        """
        channel = self.workspace.channels.get(channel_id)
        if channel is None or (
            channel.kind is not ChannelKind.PUBLIC and not self.workspace.has_bot(channel)
        ):
            raise SlackError("channel_not_found")
        return channel

    def require_scope(self, *any_of: str) -> None:
        """Make sure that the token has one of these scopes.

        Raises:
            SlackError: missing_scope.
        """
        scopes = self.workspace.identity.scopes
        if any_of and not scopes.intersection(any_of):
            raise SlackError(
                "missing_scope", needed=",".join(any_of), provided=",".join(sorted(scopes))
            )

    def require_channel_scope(self, channel: Channel, right: str) -> None:
        """Make sure that the token may do this in channels of this kind; `right` as in "read"."""
        families = {
            ChannelKind.PUBLIC: "channels",
            ChannelKind.PRIVATE: "groups",
            ChannelKind.DIRECT: "im",
        }
        self.require_scope(f"{families[channel.kind]}:{right}")


class Arguments(BaseModel):
    """A method's arguments; unknown ones are refused, so that a slip of the pen shows.

    Slack itself ignores what it doesn't know. `team_id` goes with every method, because clients
    of an organisation-wide installation add it to all their calls.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    team_id: str | None = None


A = TypeVar("A", bound=Arguments)
Action: TypeAlias = Callable[[Backend, JsonObject], JsonObject]


def from_json_text(value: object) -> object:
    """Return what JSON text stands for, as forms carry objects and arrays as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("not valid JSON") from None


JsonArrayArgument: TypeAlias = Annotated[list[JsonObject], BeforeValidator(from_json_text)]
JsonObjectArgument: TypeAlias = Annotated[JsonObject, BeforeValidator(from_json_text)]


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method.

    Attributes:
        name: Such as "chat.postMessage".
        tier: How often it may be called.
        action: Carries it out; returns the answer without `ok`.
        scopes: Any one of these is needed; none if empty.
        token: Which token it wants.
    """

    name: str
    tier: Tier
    action: Action
    scopes: tuple[str, ...] = ()
    token: TokenKind = TokenKind.BOT


def method(
    name: str,
    arguments: type[A],
    action: Callable[[Backend, A], JsonObject],
    *,
    tier: Tier,
    scopes: Iterable[str] = (),
    token: TokenKind = TokenKind.BOT,
) -> Method:
    """Return a method that parses its arguments before it acts."""

    def parse_and_act(slack: Backend, fields: JsonObject) -> JsonObject:
        return action(slack, parse(arguments, fields))

    return Method(name, tier, parse_and_act, tuple(scopes), token)


_FORMAT_ERRORS = {
    "blocks": "invalid_blocks_format",
    "attachments": "invalid_attachments",
    "metadata": "invalid_metadata_format",
    "cursor": "invalid_cursor",
    "oldest": "invalid_ts_oldest",
    "latest": "invalid_ts_latest",
}


def parse(arguments: type[A], fields: JsonObject) -> A:
    """Parse a method's arguments.

    Raises:
        SlackError: invalid_arguments, or the error that stands for one argument's format.
    """
    try:
        return arguments.model_validate(fields)
    except ValidationError as fault:
        messages = []
        for found in fault.errors(include_url=False, include_input=False):
            name = str(found["loc"][0])
            if found["type"] == "extra_forbidden":
                messages.append(f"[ERROR] unknown argument: {name}")
            elif found["type"] == "missing":
                messages.append(f"[ERROR] missing required field: {name}")
            elif name in _FORMAT_ERRORS:
                raise SlackError(_FORMAT_ERRORS[name]) from None
            else:
                messages.append(f"[ERROR] {found['msg']} [json-pointer:/{name}]")
        raise SlackError("invalid_arguments", messages) from None


def refuse(problems: Sequence[Problem]) -> None:
    """Answer with the first problem's error and all details.

    Raises:
        SlackError: If there is a problem.
    """
    if problems:
        error = problems[0].error
        raise SlackError(error, [item.detail for item in problems if item.error == error])
