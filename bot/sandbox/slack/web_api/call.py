"""What every Web API method shares: arguments, errors, scopes, state."""

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
    """A response with `"ok": false`.

    Args:
        more: Further fields of the response, such as `needed`.
    """

    def __init__(self, error: str, messages: Sequence[str] = (), **more: str) -> None:
        super().__init__(error)
        self.error = error
        self.messages = tuple(messages)
        self.more = more

    def document(self) -> JsonObject:
        body: JsonObject = {"ok": False, "error": self.error, **self.more}
        if self.messages:
            body["errors"] = [message.removeprefix("[ERROR] ") for message in self.messages]
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


class RateLimitedError(SlackError):
    """A response with status 429 and Retry-After in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class TokenKind(StrEnum):
    BOT = "bot"
    APP = "app"
    ANY = "any"
    NONE = "none"


@dataclass(slots=True)
class Backend:
    """The state that methods read and change."""

    workspace: Workspace
    modals: Modals
    triggers: Triggers
    limiter: RateLimiter
    limits: Limits
    open_connection: Callable[[], str]

    def channel(self, channel_id: str) -> Channel:
        """A channel that is visible to the bot.

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
        """Raise missing_scope unless the token has one of these scopes."""
        scopes = self.workspace.identity.scopes
        if any_of and not scopes.intersection(any_of):
            raise SlackError(
                "missing_scope", needed=",".join(any_of), provided=",".join(sorted(scopes))
            )

    def require_channel_scope(self, channel: Channel, right: str) -> None:
        """Require the scope for this kind of channel; `right` as in "read"."""
        families = {
            ChannelKind.PUBLIC: "channels",
            ChannelKind.PRIVATE: "groups",
            ChannelKind.DIRECT: "im",
        }
        self.require_scope(f"{families[channel.kind]}:{right}")


class Arguments(BaseModel):
    """A method's arguments; unknown ones are refused, so that misspelt ones show.

    Slack ignores unknown ones. `team_id` is allowed everywhere, because clients of an
    organisation-wide installation add it to all calls.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    team_id: str | None = None


A = TypeVar("A", bound=Arguments)
Action: TypeAlias = Callable[[Backend, JsonObject], JsonObject]


def from_json_text(value: object) -> object:
    """The value of a JSON text, as forms carry objects and arrays as text."""
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
        action: Carries it out; returns the response without `ok`.
        scopes: Any one of these is required; none if empty.
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
        SlackError: invalid_arguments, or the error of one argument's format.
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
    """Raise the first problem's error with all details, if any."""
    if problems:
        error = problems[0].error
        raise SlackError(error, [item.detail for item in problems if item.error == error])
