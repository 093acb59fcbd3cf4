"""The page's websocket events: a snapshot, then each change."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from bot.commands.deploy_options import OPTIONS, Kind
from bot.commands.features import registry
from bot.commands.registry import SLASH
from bot.domain.command_line import quote
from bot.sandbox.environment import API_KEY, PROJECT
from bot.sandbox.friendli import RESPONSE_VARIANTS, RequestRecord
from bot.sandbox.friendli.lifecycle import FAILING_PHASES
from bot.sandbox.page.context import PageContext
from bot.sandbox.page.controls import Controls, ControlsDocument
from bot.sandbox.page.documents import (
    ChannelDocument,
    MessageDocument,
    UserDocument,
    ViewDocument,
    channel_document,
    message_document,
    user_document,
    view_document,
)
from bot.sandbox.page.examples import EXAMPLES, Example
from bot.sandbox.page.request_list import Bodies, RequestDocument, RequestList
from bot.sandbox.slack.changes import (
    Change,
    ChannelChanged,
    MessageDeleted,
    MessagePosted,
    MessageUpdated,
    NoticeShown,
    RequestLogged,
    UserAdded,
    ViewChanged,
    ViewClosed,
)
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.sandbox import SlackSandbox


class Hint(BaseModel):
    """A command after the slash, and what it does."""

    usage: str
    summary: str


class MenuEntry(BaseModel):
    """An entry of every message's menu: callback_id and text."""

    callback: str
    name: str


class Snapshot(BaseModel):
    """The whole state.

    Attributes:
        people: Ids of the users the page can act as.
        channel: Where the page opens; None without a workspace.
        wordings: The API's response variants: names and descriptions.
        project: The sandbox's project; None where Friendli is real.
        key: Its key, which is no secret.
    """

    type: Literal["snapshot"] = "snapshot"
    users: list[UserDocument]
    groups: Mapping[str, str]
    people: list[str]
    channel: str | None
    channels: list[ChannelDocument]
    messages: list[MessageDocument]
    views: list[ViewDocument]
    requests: list[RequestDocument]
    controls: ControlsDocument
    examples: Sequence[Example]
    commands: list[Hint]
    shortcuts: list[MenuEntry]
    options: list[Hint]
    codes: list[str]
    wordings: dict[str, str]
    project: str | None
    key: str | None


class UserShown(BaseModel):
    type: Literal["user"] = "user"
    user: UserDocument


class ChannelShown(BaseModel):
    type: Literal["channel"] = "channel"
    channel: ChannelDocument


class MessageShown(BaseModel):
    type: Literal["message"] = "message"
    message: MessageDocument


class ViewShown(BaseModel):
    type: Literal["view"] = "view"
    view: ViewDocument


class ViewGone(BaseModel):
    type: Literal["view_gone"] = "view_gone"
    id: str


class Notice(BaseModel):
    type: Literal["notice"] = "notice"
    user: str
    text: str


class RequestShown(BaseModel):
    """A request began, ended, or was repeated."""

    type: Literal["request"] = "request"
    request: RequestDocument


class ControlsShown(BaseModel):
    type: Literal["controls"] = "controls"
    controls: ControlsDocument


Event: TypeAlias = (
    Snapshot
    | UserShown
    | ChannelShown
    | MessageShown
    | ViewShown
    | ViewGone
    | Notice
    | RequestShown
    | ControlsShown
)


class Feed:
    """Turns changes in both sandboxes into events."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._listeners: list[Callable[[Event], None]] = []
        self._requests = RequestList(lambda row: self._publish(RequestShown(request=row)))
        self.controls = Controls(context, self._show_controls)
        self._told = self.controls.document
        self._ends: list[Callable[[], None]] = []
        if context.slack is not None:
            for entry in context.slack.requests.entries:
                self._requests.add_slack_request(entry)
            self._ends.append(context.slack.subscribe(self._on_slack_change))
        if context.friendli is not None:
            self._ends.append(context.friendli.on_request(self._on_friendli_request))
        if context.hub is not None:
            self._ends.append(context.hub.on_request(self._requests.add_hub_request))
        if context.bot is not None:
            context.bot.on_change(self._show_controls)

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with a snapshot, then with every event; returns the undo function."""
        listener(self.snapshot())
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def set_zone(self, zone: str) -> None:
        """Give the page's people the browser's time zone; nothing happens if it is unknown."""
        try:
            ZoneInfo(zone)
        except (ValueError, ZoneInfoNotFoundError):
            return
        for person in self._context.people:
            person.user.tz = zone

    def bodies(self, number: int) -> Bodies:
        return self._requests.bodies(number)

    async def close(self) -> None:
        for end in self._ends:
            end()
        await self.controls.close()

    def snapshot(self) -> Snapshot:
        context = self._context
        slack = context.slack
        channels = list(slack.workspace.channels.values()) if slack is not None else []
        return Snapshot(
            users=(
                [user_document(slack.workspace, user) for user in slack.workspace.users.values()]
                if slack is not None
                else []
            ),
            groups=(
                {group.id: group.handle for group in slack.workspace.usergroups.values()}
                if slack is not None
                else {}
            ),
            people=[person.user.id for person in context.people],
            channel=context.channel.id if context.channel is not None else None,
            channels=[channel_document(channel) for channel in channels],
            messages=[message for channel in channels for message in _messages(channel)],
            views=_views(slack) if slack is not None else [],
            requests=self._requests.documents,
            controls=self.controls.document,
            examples=EXAMPLES,
            commands=_commands(),
            shortcuts=_shortcuts(),
            options=_options(),
            codes=list(FAILING_PHASES),
            wordings={name: one.description for name, one in RESPONSE_VARIANTS.items()},
            project=PROJECT if context.friendli is not None else None,
            key=API_KEY if context.friendli is not None else None,
        )

    def _publish(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)

    def _show_controls(self) -> None:
        document = self.controls.document
        if document != self._told:
            self._told = document
            self._publish(ControlsShown(controls=document))

    def _on_friendli_request(self, record: RequestRecord) -> None:
        self._requests.add_friendli_request(record)
        self.controls.on_request(record)
        self._show_controls()

    def _on_slack_change(self, change: Change) -> None:
        if isinstance(change, RequestLogged):
            self._requests.add_slack_request(change.request)
        elif (event := self._event(change)) is not None:
            self._publish(event)

    def _event(self, change: Change) -> Event | None:
        slack = self._context.slack
        match change:
            case MessagePosted(message) | MessageUpdated(message) | MessageDeleted(message):
                return MessageShown(message=message_document(message))
            case ViewChanged(view):
                return ViewShown(view=view_document(view))
            case ViewClosed(view):
                return ViewGone(id=view.id)
            case ChannelChanged(channel):
                return ChannelShown(channel=channel_document(channel))
            case NoticeShown(user_id, text):
                return Notice(user=user_id, text=text)
            case UserAdded(user) if slack is not None:
                return UserShown(user=user_document(slack.workspace, user))
            case _:
                return None


def _messages(channel: Channel) -> list[MessageDocument]:
    there = [*channel.messages.values(), *channel.ephemerals]
    return [message_document(message) for message in there]


def _views(slack: SlackSandbox) -> list[ViewDocument]:
    open_views = [view for view in slack.modals.views.values() if not view.closed]
    return [view_document(view) for view in open_views]


def _commands() -> list[Hint]:
    commands = registry().commands.values()
    return [
        Hint(usage=SLASH, summary="Opens the form to deploy a model."),
        Hint(usage=f"{SLASH} org/model --gpu 2xH100", summary="Deploys from text; asks first."),
        *(Hint(usage=command.usage, summary=command.summary) for command in commands),
    ]


def _shortcuts() -> list[MenuEntry]:
    return [
        MenuEntry(callback=one.callback_id, name=one.name) for one in registry().shortcuts.values()
    ]


def _options() -> list[Hint]:
    hints = []
    for option in OPTIONS:
        value = f" {quote(option.example)}" if option.example else ""
        hints.append(Hint(usage=f"--{option.name}{value}", summary=option.help))
        if option.kind is Kind.SWITCH:
            hints.append(Hint(usage=f"--no-{option.name}", summary="the opposite"))
    return hints
