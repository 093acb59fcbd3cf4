"""What Slack sends, parsed: commands, block actions, views, shortcuts and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.actors import Actor, ChannelRef


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A slash command, or a mention that stands for one.

    Attributes:
        text: What stands behind the command's first word, or behind the command itself.
        trigger_id: Opens a form for three seconds; '' of a mention, which opens none.
        request_id: The same each time Slack delivers the same.
        about: The public id of the deployment whose thread it stands in; its endpoint is meant
            where none is named. '' elsewhere.
    """

    place: ChannelRef
    person: Actor
    text: str
    trigger_id: str
    response_url: str
    request_id: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class BlockAction:
    """A button or a menu that was used, in a message or in a modal.

    Attributes:
        value: The button's value, or that of the option that was chosen; '' for other elements.
        block_id: Of the block that it stands in.
        view: The modal or Home tab that it stands in; None in a message.
        thread_ts: Of the thread that the message stands in.
        message_ts: Of the message; '' in a modal or in the Home tab.
        is_ephemeral: Whether only the person who clicked sees the message.
        action_ts: When it was used.
    """

    place: ChannelRef
    person: Actor
    action_id: str
    value: str
    trigger_id: str
    response_url: str
    view: Mapping[str, Any] | None
    thread_ts: str | None
    message_ts: str
    is_ephemeral: bool
    action_ts: str
    block_id: str = ""

    @property
    def is_in_home(self) -> bool:
        """Whether it stands in the person's Home tab, which belongs to no channel."""
        return self.view is not None and self.view.get("type") == "home"


@dataclass(frozen=True, slots=True)
class OptionsRequest:
    """What was typed so far into a menu whose options we find.

    Attributes:
        block_id: Of the block that it stands in.
        typed: As it was typed; '' when the menu was only opened.
        view: The modal or Home tab that it stands in; None in a message.
    """

    place: ChannelRef
    person: Actor
    action_id: str
    block_id: str
    typed: str
    view: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ViewSubmission:
    """A modal that was submitted."""

    place: ChannelRef
    person: Actor
    view: Mapping[str, Any]
    trigger_id: str


@dataclass(frozen=True, slots=True)
class ShortcutUse:
    """An entry of a message's menu that was chosen.

    Attributes:
        thread_ts: Of the thread that the message is a reply in; None if it is none.
        public_id: The deployment that the message's metadata names; '' if it names none.
    """

    place: ChannelRef
    person: Actor
    message_ts: str
    thread_ts: str | None
    public_id: str
    response_url: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that Slack tells of; it may tell the same several times.

    Attributes:
        event_id: The same each time.
        tab: Of the app's own space that was opened, such as "home".
        text: Of a message, as mrkdwn.
        thread_ts: Of the thread that the message stands in; None outside of threads.
        by_app: Whether an app wrote the message.
    """

    place: ChannelRef
    person: Actor
    event_id: str
    tab: str
    text: str
    thread_ts: str | None
    by_app: bool
