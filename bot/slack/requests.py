"""What Slack sends, parsed: commands, block actions, views, shortcuts and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.actors import Actor, ChannelRef
from bot.slack.responder import Responder


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person did in Slack.

    Attributes:
        place: The channel, or where the modal was opened; in the Home tab, only a block has one.
        is_foreign: Whether the modal names a channel of another workspace.
        response_url: Takes answers for 30 minutes; '' if there is none.
        message_ts: '' if the request doesn't come from a message.
    """

    place: ChannelRef
    person: Actor
    is_foreign: bool = False
    response_url: str = ""
    thread_ts: str | None = None
    message_ts: str = ""
    responder: Responder = field(default_factory=Responder, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashCommand(Request):
    """A slash command, or a mention that is read as one.

    Attributes:
        trigger_id: Opens a form for three seconds; '' for a mention.
        request_id: An idempotency key.
        about: Public id of the deployment whose thread the mention is in; '' elsewhere.
    """

    text: str
    trigger_id: str
    request_id: str
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAction(Request):
    """A button or a menu that was used; the value is the button's or the chosen option's.

    Attributes:
        view: The modal; None in a message and in the Home tab.
        is_ephemeral: Whether only the person who clicked sees the message.
    """

    action_id: str
    value: str
    trigger_id: str
    action_ts: str
    block_id: str = ""
    view: Mapping[str, Any] | None = None
    is_ephemeral: bool = False
    is_in_home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsRequest(Request):
    """A menu whose options we find was opened or typed into."""

    action_id: str
    block_id: str
    typed: str
    view: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSubmission(Request):
    """A modal that was submitted."""

    view: Mapping[str, Any]
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortcutUse(Request):
    """A message shortcut; the public id is in the message's metadata."""

    callback_id: str
    public_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Request):
    """An event of the Events API; each delivery of it has the same id."""

    event_id: str
    ts: str
    tab: str
    text: str
    by_app: bool
