"""Actions of the page's user in Slack, from JSON to the methods that tests use."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic import Field as In

from bot.messages.markup import escape
from bot.sandbox.page.context import PageContext
from bot.sandbox.slack.base_client import NotPossibleError
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.fields import Field, fields
from bot.sandbox.slack.sandbox import SlackSandbox
from bot.sandbox.slack.user_client import UserClient
from bot.sandbox.slack.view import View


class OfferedOption(BaseModel):
    """An option of a menu; `group` is its group's label, "" without one."""

    value: str
    text: str
    description: str
    group: str


class Outcome(BaseModel):
    """The result; `options` are what a menu offers."""

    options: list[OfferedOption] = []


class _Action(BaseModel, ABC):
    """An action; `person` is the user's id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: str

    @abstractmethod
    async def perform(self, person: UserClient, slack: SlackSandbox) -> Outcome | None:
        pass


class Command(_Action):
    """A slash command; `command` with its slash."""

    act: Literal["command"]
    channel: str
    command: str
    text: str

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:  # noqa: ARG002 - as others
        """Slack escapes three characters in what users type."""
        await person.command(self.channel, escape(self.text), command=self.command)


class Say(_Action):
    """A message, or with `thread` a reply to it."""

    act: Literal["say"]
    channel: str
    text: Annotated[str, In(min_length=1, max_length=4000)]
    thread: str | None = None

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:
        """A text that begins with the bot's name is a mention."""
        root = slack.workspace.channel(self.channel).messages[self.thread] if self.thread else None
        name = f"@{slack.workspace.bot.name}"
        if self.text == name or self.text.startswith(f"{name} "):
            text = escape(self.text.removeprefix(name).strip())
            await person.mention(self.channel, text, thread=root)
        else:
            await person.say(self.channel, escape(self.text), thread=root)


class InMessage(BaseModel):
    """The place of an element: a message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str
    ts: str


class Shortcut(_Action):
    """A choice from a message's menu; `callback` is its callback_id."""

    act: Literal["shortcut"]
    place: InMessage
    callback: str

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:
        await person.shortcut(self.callback, _message(slack, self.place))


class _OnElement(_Action):
    """An action on an element of a message, or of the view of this id."""

    place: InMessage | str
    block: str
    action: str

    def locate(self, slack: SlackSandbox) -> tuple[Message | View, Field]:
        place = _place(slack, self.place)
        for item in fields(place.blocks):
            if (item.block_id, item.action_id) == (self.block, self.action):
                return place, item
        raise LookupError("this element isn't there any more")


class BlockAction(_OnElement):
    act: Literal["click"]

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:
        await person.click(*self.locate(slack))


class Choose(_OnElement):
    act: Literal["choose"]
    value: str | list[str] | None

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:
        await person.choose(*self.locate(slack), self.value)


class Fill(_OnElement):
    act: Literal["fill"]
    value: str | int | list[str] | None
    enter: bool = False

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:
        """Input into a field that the app just removed is lost."""
        try:
            _, item = self.locate(slack)
        except LookupError:
            return
        await person.fill(item, self.value, enter=self.enter)


class Suggest(_OnElement):
    act: Literal["suggest"]
    query: str

    async def perform(self, person: UserClient, slack: SlackSandbox) -> Outcome:
        place, item = self.locate(slack)
        groups = await person.suggest_groups(item, self.query, place)
        return Outcome(
            options=[
                OfferedOption(
                    value=option["value"],
                    text=option["text"]["text"],
                    description=(option.get("description") or {}).get("text", ""),
                    group=label,
                )
                for label, offered in groups
                for option in offered
            ]
        )


class Submit(_Action):
    act: Literal["submit"]

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:  # noqa: ARG002 - as others
        await person.submit()


class Close(_Action):
    act: Literal["close"]

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:  # noqa: ARG002 - as others
        await person.close_modal()


class Home(_Action):
    act: Literal["home"]

    async def perform(self, person: UserClient, slack: SlackSandbox) -> None:  # noqa: ARG002 - as others
        await person.open_home()


PageAction: TypeAlias = Annotated[
    Command | Say | Shortcut | BlockAction | Choose | Fill | Suggest | Submit | Close | Home,
    In(discriminator="act"),
]
ACTION: TypeAdapter[PageAction] = TypeAdapter(PageAction)


async def perform(context: PageContext, action: PageAction) -> Outcome:
    """Carry out an action.

    Raises:
        LookupError: There is no such user, message, view or element any more.
        ValueError: A field can't take such a value.
        NotPossibleError: Slack's client doesn't offer this.
    """
    if context.slack is None:
        raise NotPossibleError("people act in their own Slack")
    for person in context.people:
        if person.user.id == action.person:
            return await action.perform(person, context.slack) or Outcome()
    raise LookupError(f"nobody here has the id {action.person}")


def _place(slack: SlackSandbox, place: InMessage | str) -> Message | View:
    return slack.modals.views[place] if isinstance(place, str) else _message(slack, place)


def _message(slack: SlackSandbox, place: InMessage) -> Message:
    channel = slack.workspace.channel(place.channel)
    if place.ts in channel.messages:
        return channel.messages[place.ts]
    for message in channel.ephemerals:
        if message.ts == place.ts:
            return message
    raise LookupError("this message isn't there any more")
