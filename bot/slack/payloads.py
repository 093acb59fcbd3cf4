"""Parse Slack's payloads into requests."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.domain.actors import Actor, ChannelRef, SlackId
from bot.domain.command_line import LONGEST
from bot.messages.home import channel_in
from bot.slack.history import EVENT_TYPE
from bot.slack.requests import (
    BlockAction,
    Event,
    OptionsRequest,
    ShortcutUse,
    SlashCommand,
    ViewSubmission,
)

# PostgreSQL stores no NUL, and half of a surrogate pair has no bytes: neither is anything a person
# can type, so what takes their place is the sign for a character that can't be read.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Of all that is read, Slack makes no text longer than 4,000 characters; a typed command may be, and
# is then refused for it.
_LONGEST = LONGEST + 1
_Read = TypeVar("_Read", bound="_Payload")


class _Payload(BaseModel):
    # A payload holds response_urls, at which anybody may answer: errors don't quote it.
    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, payload: object) -> object:
        """Drop nulls: Slack leaves an absent field out or sends null, and doesn't say which."""
        if not isinstance(payload, Mapping):
            return payload
        return {name: value for name, value in payload.items() if value is not None}


class _Workspace(_Payload):
    id: SlackId = ""


class _User(_Payload):
    id: SlackId
    team_id: SlackId = ""
    enterprise_id: SlackId = ""


class _Channel(_Payload):
    id: SlackId = ""


class _Container(_Payload):
    channel_id: SlackId = ""
    message_ts: str = ""
    is_ephemeral: bool = False
    thread_ts: str | None = None


class _Option(_Payload):
    value: str = ""


class _Action(_Payload):
    action_id: str
    block_id: str = ""
    value: str | None = None
    selected_option: _Option | None = None
    action_ts: str = ""

    @property
    def chosen(self) -> str:
        return self.selected_option.value if self.selected_option else self.value or ""


class _View(_Payload):
    # The rest is read by the command that the modal belongs to.
    model_config = ConfigDict(extra="allow")

    id: str = ""
    type: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    app_installed_team_id: SlackId | None = None

    @property
    def opened_in(self) -> ChannelRef | None:
        """As the bot noted it."""
        try:
            return _ViewMetadata.model_validate_json(self.private_metadata).place
        except ValidationError:
            return None


class _ViewMetadata(BaseModel):
    place: ChannelRef


class _Metadata(_Payload):
    event_type: str = ""
    event_payload: dict[str, object] = Field(default_factory=dict)


class _Message(_Payload):
    ts: str = ""
    thread_ts: str | None = None
    metadata: _Metadata | None = None

    @property
    def public_id(self) -> str:
        """'' in another app's message."""
        if self.metadata is None or self.metadata.event_type != EVENT_TYPE:
            return ""
        named = self.metadata.event_payload.get("deployment")
        return named if isinstance(named, str) else ""


class _Installed(_Payload):
    enterprise_id: SlackId | None = None
    team_id: SlackId | None = None


class _Happened(_Payload):
    user: SlackId = ""
    bot_id: str | None = None
    # Of the author; in a shared channel, not always the workspace that receives the event.
    user_team: SlackId | None = None
    team: SlackId | None = None
    channel: SlackId = ""
    tab: str = ""
    text: str = ""
    thread_ts: str | None = None


class _Type(_Payload):
    type: str = ""


class _TypedEvent(_Payload):
    """Any event, also one whose other fields have other types."""

    event: _Type = Field(default_factory=_Type)


class _EventDelivery(_Payload):
    event_id: str = ""
    team_id: SlackId | None = None
    context_team_id: SlackId | None = None
    context_enterprise_id: SlackId | None = None
    authorizations: list[_Installed] = Field(default_factory=list)
    is_ext_shared_channel: bool = False
    event: _Happened

    @property
    def place(self) -> ChannelRef:
        # In a shared channel, `team_id` may be another workspace than the one that delivers it.
        installed = self.authorizations[0] if self.authorizations else _Installed()
        enterprise = installed.enterprise_id or self.context_enterprise_id or ""
        team = installed.team_id or self.context_team_id or self.team_id or ""
        # The Home tab belongs to no channel; the event names the app's direct messages.
        return ChannelRef(enterprise, team, "" if self.event.tab else self.event.channel)


class _Slash(_Payload):
    enterprise_id: SlackId | None = None
    team_id: SlackId | None = None
    channel_id: SlackId
    user_id: SlackId
    text: str = ""
    trigger_id: str = ""
    response_url: str = ""


class _Interaction(_Payload):
    # Null in organisation-wide installs and outside of Enterprise Grid, respectively.
    team: _Workspace | None = None
    enterprise: _Workspace | None = None
    user: _User
    channel: _Channel | None = None
    container: _Container | None = None
    actions: list[_Action] = Field(default_factory=list)
    trigger_id: str = ""
    response_url: str | None = None
    view: _View | None = None

    @property
    def person(self) -> Actor:
        # In a modal, `team` is the person's own.
        team = self.user.team_id or (self.team.id if self.team else "")
        return Actor(self.user.id, team, self.user.enterprise_id)

    @property
    def workspace(self) -> tuple[str, str]:
        # An organisation-wide install may leave `team` out.
        installed = self.view.app_installed_team_id if self.view else None
        team = installed or (self.team.id if self.team else "") or self.user.team_id
        return self.enterprise.id if self.enterprise else "", team

    @property
    def place(self) -> ChannelRef:
        if self.opened_in is not None and not self.is_foreign:
            return self.opened_in
        channel = self.channel.id if self.channel else ""
        if not channel and self.container:
            channel = self.container.channel_id
        if not channel and self.is_in_home and self.actions:
            channel = channel_in(self.actions[0].block_id)
        return ChannelRef(*self.workspace, channel)

    @property
    def is_in_home(self) -> bool:
        return self.view is not None and self.view.type == "home"

    @property
    def opened_in(self) -> ChannelRef | None:
        return self.view.opened_in if self.view else None

    @property
    def is_foreign(self) -> bool:
        there = self.opened_in
        return there is not None and (there.enterprise_id, there.workspace_id) != self.workspace


class _OnMessage(_Interaction):
    callback_id: str
    message: _Message


class _Typed(_Interaction):
    """An options request has no actions: the payload itself names the menu."""

    action_id: str
    block_id: str = ""
    value: str = ""


def _read(model: type[_Read], payload: Mapping[str, Any]) -> _Read:
    return model.model_validate(_storable(payload))


def _storable(part: object) -> object:
    match part:
        case str():
            part = part[:_LONGEST]
            return part if part.isascii() and "\0" not in part else _UNSTORABLE.sub("\ufffd", part)
        case Mapping():
            return {_storable(name): _storable(value) for name, value in part.items()}
        case list():
            return [_storable(item) for item in part]
        case _:
            return part


def command(payload: Mapping[str, Any]) -> SlashCommand:
    slash = _read(_Slash, payload)
    return SlashCommand(
        place=ChannelRef(slash.enterprise_id or "", slash.team_id or "", slash.channel_id),
        person=Actor(slash.user_id, slash.team_id or "", slash.enterprise_id or ""),
        text=slash.text,
        trigger_id=slash.trigger_id,
        response_url=slash.response_url,
        # Each command has its own trigger.
        request_id=slash.trigger_id,
    )


def click(payload: Mapping[str, Any]) -> BlockAction:
    """Of several actions, the first."""
    parsed = _read(_Interaction, payload)
    action = parsed.actions[0]
    container = parsed.container or _Container()
    in_modal = parsed.view is not None and not parsed.is_in_home
    return BlockAction(
        place=parsed.place,
        person=parsed.person,
        is_foreign=parsed.is_foreign,
        action_id=action.action_id,
        value=action.chosen,
        trigger_id=parsed.trigger_id,
        response_url=parsed.response_url or "",
        view=parsed.view.model_dump() if parsed.view and in_modal else None,
        thread_ts=container.thread_ts,
        message_ts=container.message_ts,
        is_ephemeral=container.is_ephemeral,
        is_in_home=parsed.is_in_home,
        action_ts=action.action_ts,
        block_id=action.block_id,
    )


def options_request(payload: Mapping[str, Any]) -> OptionsRequest:
    parsed = _read(_Typed, payload)
    return OptionsRequest(
        place=parsed.place,
        person=parsed.person,
        is_foreign=parsed.is_foreign,
        action_id=parsed.action_id,
        block_id=parsed.block_id,
        typed=parsed.value,
        view=parsed.view.model_dump() if parsed.view else None,
    )


def submission(payload: Mapping[str, Any]) -> ViewSubmission:
    parsed = _read(_Interaction, payload)
    return ViewSubmission(
        place=parsed.place,
        person=parsed.person,
        is_foreign=parsed.is_foreign,
        view=parsed.view.model_dump() if parsed.view else {},
        trigger_id=parsed.trigger_id,
    )


def shortcut(payload: Mapping[str, Any]) -> ShortcutUse:
    parsed = _read(_OnMessage, payload)
    message = parsed.message
    # A message with replies names itself as its thread.
    in_thread = message.thread_ts is not None and message.thread_ts != message.ts
    return ShortcutUse(
        place=parsed.place,
        person=parsed.person,
        callback_id=parsed.callback_id,
        message_ts=message.ts,
        thread_ts=message.thread_ts if in_thread else None,
        public_id=message.public_id,
        response_url=parsed.response_url or "",
    )


def event_type(payload: Mapping[str, Any]) -> str:
    """Such as "app_mention"; '' if there is none."""
    return _TypedEvent.model_validate(payload).event.type


def event(payload: Mapping[str, Any]) -> Event:
    parsed = _read(_EventDelivery, payload)
    happened = parsed.event
    place = parsed.place
    # Only a channel shared with another organisation has people of another one.
    team = happened.user_team or happened.team if parsed.is_ext_shared_channel else None
    return Event(
        place=place,
        person=Actor(happened.user, team or place.workspace_id),
        event_id=parsed.event_id,
        tab=happened.tab,
        text=happened.text,
        thread_ts=happened.thread_ts,
        by_app=happened.bot_id is not None,
    )
