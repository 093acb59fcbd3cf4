"""A user's Slack client: commands, clicks, messages, mentions, shortcuts."""

import asyncio
from collections.abc import Sequence

from bot.sandbox.slack.base_client import NotPossibleError, find
from bot.sandbox.slack.blocks import check_message
from bot.sandbox.slack.conversations import Channel, ChannelKind, Message
from bot.sandbox.slack.deliveries import Ack, Kind
from bot.sandbox.slack.fields import EXTERNAL, Field, chosen, fields, initial_value, options, pick
from bot.sandbox.slack.modal_client import ModalClient
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Content

_BUTTONS = {"button", "icon_button", "workflow_button"}
_CHANNEL_TYPES = {
    ChannelKind.PUBLIC: "channel",
    ChannelKind.PRIVATE: "group",
    ChannelKind.DIRECT: "im",
}


class UserClient(ModalClient):
    """One user of the app; everything is sent to the app as Slack sends it."""

    async def command(
        self, channel: Channel | str, text: str = "", *, command: str = "/friendli-deploy"
    ) -> Ack:
        """Send a slash command; an immediate response becomes an ephemeral message.

        Raises:
            NotPossibleError: If the user isn't in the channel, or it is archived.
        """
        where = self._channel(channel)
        payload = self._slack.payloads.command(self.user, where, command, text)
        ack = await self._deliver(Kind.COMMAND, command, payload)
        if ack.ok and ack.body.strip():
            response: JsonObject = ack.document or {"text": ack.body}
            in_channel = response.pop("response_type", "ephemeral") == "in_channel"
            if problems := check_message(response):
                self._notice(f"{command}: {problems[0].error}: {problems[0].detail}")
            else:
                self._slack.workspace.post(
                    where,
                    self._slack.workspace.bot,
                    Content(text=response.get("text") or "", blocks=response.get("blocks") or []),
                    ephemeral_to=None if in_channel else self.user.id,
                )
        return ack

    def ephemerals(self, channel: Channel | str) -> list[Message]:
        where = self._slack.workspace.channel(channel)
        return [message for message in where.ephemerals if message.ephemeral_to == self.user.id]

    def button(self, place: Message | View, name: str) -> Field:
        """The button with this visible text, action_id, block_id or value, for a later click.

        Raises:
            LookupError: If there is none, or more than one.
        """
        by_value = [
            item
            for item in fields(place.blocks)
            if item.type in _BUTTONS and item.element.get("value") == name
        ]
        return by_value[0] if len(by_value) == 1 else find(place, name)

    async def click(self, place: Message | View, button: str | Field) -> Ack:
        """Press a button, or an option of the menu beside them; a confirmation dialog is accepted.

        Args:
            button: Its visible text, action_id, block_id or value, or what `button` returned.

        Raises:
            LookupError: If there is no such button.
            NotPossibleError: If the user can't see it.
        """
        return await self._interact(self._press(place, button))

    async def double_click(self, place: Message | View, button: str | Field) -> tuple[Ack, Ack]:
        first, second = self._press(place, button), self._press(place, button)
        acks = await asyncio.gather(self._interact(first), self._interact(second))
        return acks[0], acks[1]

    async def choose(
        self, place: Message | View, element: str | Field, value: str | Sequence[str] | None
    ) -> Ack:
        """Choose from a select, checkboxes or an overflow menu outside an input block.

        External options: one of the last `suggest`, or one that typing it brings up.

        Raises:
            LookupError: If there is no such element or option.
            NotPossibleError: If the user can't see it.
        """
        self._must_see(place)
        item = find(place, element)
        choices = options(item.element)
        if item.type in EXTERNAL and value is not None:
            choices = await self._wanted(place, item, value, None)
        if item.type == "overflow":
            state = {**chosen({"type": "static_select"}, value, choices), "type": "overflow"}
        else:
            state = chosen(item.element, value, choices)
            if isinstance(place, View):
                place.set_value(item, state)
                self._slack.modals.touched(place)
        values = _message_values(place, item, state)
        payload = self._slack.payloads.action(self.user, place, item, state, values)
        return await self._interact(payload)

    async def say(
        self, channel: Channel | str, text: str, *, thread: Message | None = None
    ) -> Message:
        """Post a message or a reply; the app gets `message` events if subscribed."""
        where = self._channel(channel)
        message = self._slack.workspace.post(
            where, self.user, Content(text=text), thread_ts=thread.ts if thread else None
        )
        event = self._message_event(where, message)
        if self._slack.workspace.has_bot(where):
            await self._slack.events.send(event, shared=where.is_ext_shared)
        return message

    async def mention(
        self, channel: Channel | str, text: str, *, thread: Message | None = None
    ) -> Ack | None:
        """Post a message that mentions the bot.

        Returns:
            The acknowledgement of the app_mention event; None if the app isn't subscribed to it
            or the bot isn't in the channel.
        """
        where = self._channel(channel)
        message = await self.say(where, f"<@{self._slack.workspace.bot.id}> {text}", thread=thread)
        if not self._slack.workspace.has_bot(where):
            return None
        event = self._message_event(where, message) | {"type": "app_mention"}
        del event["channel_type"]
        return await self._slack.events.send(event, shared=where.is_ext_shared)

    async def shortcut(self, callback_id: str, message: Message | None = None) -> Ack:
        """Choose the app's entry in a message's menu, or in the shortcuts menu without one."""
        if message is None:
            payload = self._slack.payloads.global_shortcut(self.user, callback_id)
        else:
            self._must_see(message)
            payload = self._slack.payloads.message_shortcut(self.user, message, callback_id)
        return await self._interact(payload)

    async def open_home(self) -> Ack | None:
        channel = self._slack.workspace.direct_message(self.user)
        return await self._slack.events.send(
            {
                "type": "app_home_opened",
                "user": self.user.id,
                "channel": channel.id,
                "tab": "home",
            }
        )

    def _press(self, place: Message | View, button: str | Field) -> JsonObject:
        self._must_see(place)
        if isinstance(button, str) and (menu := self._menu(place, button)) is not None:
            state = {"type": "overflow", "selected_option": pick(options(menu.element), button)}
            values = _message_values(place, None, {})
            return self._slack.payloads.action(self.user, place, menu, state, values)
        item = self.button(place, button) if isinstance(button, str) else button
        if item.type not in _BUTTONS:
            raise NotPossibleError(f"{item.action_id!r} is a {item.type}, not a button")
        value = {"value": item.element["value"]} if "value" in item.element else {}
        values = _message_values(place, None, {})
        return self._slack.payloads.action(self.user, place, item, value, values)

    def _menu(self, place: Message | View, name: str) -> Field | None:
        """The menu in a row of buttons with this option, unless a button is called so."""
        shown = [*fields(place.blocks)]
        if any(item.type in _BUTTONS and item.known_as(name) for item in shown):
            return None
        # Those of a list's rows are chosen from by their row.
        menus = [item for item in shown if item.type == "overflow" and not item.label]
        return next(
            (
                item
                for item in menus
                if any(one["text"]["text"] == name for one in options(item.element))
            ),
            None,
        )

    def _message_event(self, channel: Channel, message: Message) -> JsonObject:
        return {
            "type": "message",
            "user": self.user.id,
            "ts": message.ts,
            "text": message.text,
            "team": self.user.team_id,
            "channel": channel.id,
            "channel_type": _CHANNEL_TYPES[channel.kind],
            "event_ts": message.ts,
            **({"thread_ts": message.thread_ts} if message.thread_ts else {}),
        }


def _message_values(
    place: Message | View, used: Field | None, state: JsonObject
) -> dict[str, dict[str, JsonObject]]:
    values: dict[str, dict[str, JsonObject]] = {}
    for item in fields(place.blocks):
        value = state if item == used else initial_value(item.element)
        if value is not None and item.type != "overflow":
            values.setdefault(item.block_id, {})[item.action_id] = value
    return values
