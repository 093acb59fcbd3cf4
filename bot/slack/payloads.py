"""Slack's payloads, parsed once at the edge into what commands work with."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.domain.actors import Actor, ChannelRef, SlackId
from bot.domain.command_line import LONGEST
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
    # What doesn't fit has addresses in it at which anybody may answer.
    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, payload: object) -> object:
        """Slack leaves out what there isn't, or says null, and doesn't document which."""
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
        """What was chosen from a menu, or what a button says."""
        return self.selected_option.value if self.selected_option else self.value or ""


class _View(_Payload):
    # What else stands in it is read by the command whose modal it is.
    model_config = ConfigDict(extra="allow")

    id: str = ""
    type: str = ""
    callback_id: str = ""
    app_installed_team_id: SlackId | None = None


class _Metadata(_Payload):
    event_type: str = ""
    event_payload: dict[str, object] = Field(default_factory=dict)


class _Message(_Payload):
    ts: str = ""
    thread_ts: str | None = None
    metadata: _Metadata | None = None

    @property
    def public_id(self) -> str:
        """The deployment that it tells of; other apps' metadata names none of ours."""
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
    # Of whoever wrote; in a channel shared with others, not always the workspace that was told.
    user_team: SlackId | None = None
    team: SlackId | None = None
    channel: SlackId = ""
    tab: str = ""
    text: str = ""
    thread_ts: str | None = None


class _Type(_Payload):
    type: str = ""


class _TypedEvent(_Payload):
    """Any event, also one in which other fields are other things."""

    event: _Type = Field(default_factory=_Type)


class _Told(_Payload):
    event_id: str = ""
    team_id: SlackId | None = None
    context_team_id: SlackId | None = None
    context_enterprise_id: SlackId | None = None
    authorizations: list[_Installed] = Field(default_factory=list)
    is_ext_shared_channel: bool = False
    event: _Happened

    @property
    def place(self) -> ChannelRef:
        # `team_id` is where it happened, which in a shared channel may be another workspace than
        # the one through which we hear of it.
        told = self.authorizations[0] if self.authorizations else _Installed()
        enterprise = told.enterprise_id or self.context_enterprise_id or ""
        team = told.team_id or self.context_team_id or self.team_id or ""
        return ChannelRef(enterprise, team, self.event.channel)


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
    def place(self) -> ChannelRef:
        channel = self.channel.id if self.channel else ""
        if not channel and self.container:
            channel = self.container.channel_id
        # An organisation-wide install may leave `team` out.
        installed = self.view.app_installed_team_id if self.view else None
        team = installed or (self.team.id if self.team else "") or self.user.team_id
        return ChannelRef(self.enterprise.id if self.enterprise else "", team, channel)


class _OnMessage(_Interaction):
    callback_id: str
    message: _Message


class _Typed(_Interaction):
    """A menu that asks for its options has no list of actions: it is named by the payload."""

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
    """A slash command."""
    slash = _read(_Slash, payload)
    place = ChannelRef(slash.enterprise_id or "", slash.team_id or "", slash.channel_id)
    person = Actor(slash.user_id, slash.team_id or "", slash.enterprise_id or "")
    return SlashCommand(
        place,
        person,
        slash.text,
        slash.trigger_id,
        slash.response_url,
        # Which is used once, as each command has its own.
        request_id=slash.trigger_id,
    )


def click(payload: Mapping[str, Any]) -> BlockAction:
    """A button or a menu that was used; of several actions, the first."""
    parsed = _read(_Interaction, payload)
    action = parsed.actions[0]
    return BlockAction(
        place=parsed.place,
        person=parsed.person,
        action_id=action.action_id,
        value=action.chosen,
        trigger_id=parsed.trigger_id,
        response_url=parsed.response_url or "",
        view=parsed.view.model_dump() if parsed.view else None,
        thread_ts=parsed.container.thread_ts if parsed.container else None,
        message_ts=parsed.container.message_ts if parsed.container else "",
        is_ephemeral=parsed.container.is_ephemeral if parsed.container else False,
        action_ts=action.action_ts,
        block_id=action.block_id,
    )


def query(payload: Mapping[str, Any]) -> OptionsRequest:
    """A menu was opened, or typed into, whose options we find."""
    parsed = _read(_Typed, payload)
    return OptionsRequest(
        place=parsed.place,
        person=parsed.person,
        action_id=parsed.action_id,
        block_id=parsed.block_id,
        typed=parsed.value,
        view=parsed.view.model_dump() if parsed.view else None,
    )


def submission(payload: Mapping[str, Any]) -> ViewSubmission:
    """A modal that was submitted. Its place has no channel: the modal itself knows that."""
    parsed = _read(_Interaction, payload)
    view = parsed.view.model_dump() if parsed.view else {}
    return ViewSubmission(parsed.place, parsed.person, view, parsed.trigger_id)


def shortcut(payload: Mapping[str, Any]) -> tuple[str, ShortcutUse]:
    """An entry of a message's menu that was chosen: its callback id, and on what."""
    parsed = _read(_OnMessage, payload)
    message = parsed.message
    # A message that others have replied to names itself as its thread.
    in_thread = message.thread_ts is not None and message.thread_ts != message.ts
    return parsed.callback_id, ShortcutUse(
        place=parsed.place,
        person=parsed.person,
        message_ts=message.ts,
        thread_ts=message.thread_ts if in_thread else None,
        public_id=message.public_id,
        response_url=parsed.response_url or "",
    )


def event_type(payload: Mapping[str, Any]) -> str:
    """What Slack tells of, such as "app_mention"; '' if it doesn't say."""
    return _TypedEvent.model_validate(payload).event.type


def event(payload: Mapping[str, Any]) -> Event:
    """Something that Slack tells of, of a type that we handle."""
    parsed = _read(_Told, payload)
    happened = parsed.event
    place = parsed.place
    # Only in a channel shared with another organisation are there people of another one.
    elsewhere = happened.user_team or happened.team if parsed.is_ext_shared_channel else None
    return Event(
        place=place,
        person=Actor(happened.user, elsewhere or place.workspace_id),
        event_id=parsed.event_id,
        tab=happened.tab,
        text=happened.text,
        thread_ts=happened.thread_ts,
        by_app=happened.bot_id is not None,
    )
