"""Parse Slack's payloads into requests."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from bot.domain.actors import Actor, ChannelRef
from bot.domain.command_line import LONGEST
from bot.slack.payload_models import (
    Container,
    EventDelivery,
    Interaction,
    Payload,
    ShortcutPayload,
    SlashPayload,
    SuggestionPayload,
    TypedEvent,
)
from bot.slack.requests import (
    BlockAction,
    Event,
    OptionsRequest,
    ShortcutUse,
    SlashCommand,
    ViewSubmission,
)

# PostgreSQL stores no NUL, and half of a surrogate pair has no bytes. Nobody can type either: both
# become the replacement character.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Slack's other texts have at most 4,000 characters; a longer command is refused.
_LONGEST = LONGEST + 1
_Read = TypeVar("_Read", bound="Payload")


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
    slash = _read(SlashPayload, payload)
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
    parsed = _read(Interaction, payload)
    action = parsed.actions[0]
    container = parsed.container or Container()
    # The root of a thread, which names itself as its thread, is clicked in the channel.
    in_thread = container.thread_ts if container.thread_ts != container.message_ts else None
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
        thread_ts=in_thread,
        message_ts=container.message_ts,
        is_ephemeral=container.is_ephemeral,
        is_in_home=parsed.is_in_home,
        action_ts=action.action_ts,
        block_id=action.block_id,
    )


def options_request(payload: Mapping[str, Any]) -> OptionsRequest:
    parsed = _read(SuggestionPayload, payload)
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
    parsed = _read(Interaction, payload)
    return ViewSubmission(
        place=parsed.place,
        person=parsed.person,
        is_foreign=parsed.is_foreign,
        view=parsed.view.model_dump() if parsed.view else {},
        trigger_id=parsed.trigger_id,
    )


def shortcut(payload: Mapping[str, Any]) -> ShortcutUse:
    parsed = _read(ShortcutPayload, payload)
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
    return TypedEvent.model_validate(payload).event.type


def event(payload: Mapping[str, Any]) -> Event:
    parsed = _read(EventDelivery, payload)
    happened = parsed.event
    place = parsed.place
    # Only a channel shared with another organisation has people of another one.
    team = happened.user_team or happened.team if parsed.is_ext_shared_channel else None
    return Event(
        place=place,
        person=Actor(happened.user, team or place.workspace_id),
        event_id=parsed.event_id,
        ts=happened.ts,
        tab=happened.tab,
        text=happened.text,
        thread_ts=happened.thread_ts,
        by_app=happened.bot_id is not None,
    )
