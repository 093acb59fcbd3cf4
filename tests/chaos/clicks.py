"""What people do in a run: ask for endpoints in several ways, and then for something else."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Self, TypeVar

from bot.sandbox.environment import Environment
from bot.sandbox.friendli.timeline import Segment
from bot.sandbox.slack.changes import ConditionTimeoutError
from bot.sandbox.slack.conversations import Channel, Message
from bot.sandbox.slack.user_client import UserClient
from tests.chaos.scenario import BORN, Lives

T = TypeVar("T")

ANSWERS_WITHIN = 5.0
ATTEMPTS = 4


class Way(StrEnum):
    """How an endpoint is asked for."""

    AT_ONCE = "--yes"
    REPLAYED = "--yes, delivered twice"
    PREVIEW = "preview, then Deploy"
    TWICE = "preview, then Deploy twice at once"


@dataclass(frozen=True, slots=True)
class OperationView:
    """Something that is done with an endpoint, some time after it was asked for.

    Attributes:
        name: What.
        perform: Does it as a person does: again if Slack says that it failed.
        way: Where the endpoint goes before; None if it doesn't matter.
        options: Of the line that asks for the endpoint.
        asked: What the thread says once it is accepted; '' if other rules hold for it.
        refused: What it may say if it isn't done.
        leads_to: What the endpoint shows once it was done; '' if it is gone.
        is_approved: Whether somebody has to approve it first.
        is_tried_again: Whether a try that fails is followed by another one.
    """

    name: str
    perform: "Perform"
    way: Sequence[Segment] | None = None
    options: str = ""
    asked: str = ""
    refused: Sequence[str] = ()
    leads_to: str = ""
    is_approved: bool = False
    is_tried_again: bool = False

    @classmethod
    def operation(
        cls, infinitive: str, perform: "Perform", way: Sequence[Segment], leads_to: str
    ) -> Self:
        """What somebody asks Friendli to do."""
        asked, refused = f"asked to {infinitive}.", (f"Friendli didn't {infinitive}",)
        return cls(infinitive, perform, way, asked=asked, refused=refused, leads_to=leads_to)


@dataclass(eq=False, slots=True)
class Wish:
    """Something a person asked for, and what that person saw of it at once.

    Attributes:
        name: Of the endpoint.
        who: The person.
        where: The channel.
        act: What is wanted of an endpoint that was asked for; None for the endpoint itself.
        clicks: How many requests of Slack's say so.
        acknowledged: Whether the bot took it in time; else Slack itself has said so.
        whispers_before: How many ephemeral messages the person had seen.
    """

    name: str
    who: UserClient
    where: Channel
    act: OperationView | None = None
    clicks: int = 1
    acknowledged: bool = False
    whispers_before: int = 0

    @property
    def whispers(self) -> list[str]:
        """What only this person saw since."""
        seen = self.who.ephemerals(self.where)[self.whispers_before :]
        return [message.text for message in seen]

    @property
    def root(self) -> Message | None:
        """The thread's root in Slack."""
        name = f"*{self.name}*"
        for message in self.where.messages.values():
            if not message.deleted and not message.is_reply and name in message.text:
                return message
        return None

    def begin(self) -> None:
        """Remember what the person has seen already."""
        self.whispers_before = len(self.who.ephemerals(self.where))

    def tells(self, words: str) -> bool:
        """Whether the thread has a reply with these words."""
        root = self.root
        return root is not None and any(
            words in reply.text for reply in self.where.replies(root.ts)
        )


Perform = Callable[["Crowd", Wish, OperationView, Random], Awaitable[None]]
"""Does an act, given the wish for the endpoint."""


class Crowd:
    """Acts for everybody in a run.

    Args:
        here: Where they are.
        channels: The connected channels.
        lots: Draws what they do.
        front: Points Slack to a replica that can take a click; called before each.
        lives: Leads the endpoints.
        creates: Names in the create requests that have arrived.
        fall_due: Lets an endpoint's time be over.

    Attributes:
        deploys: Every wish for an endpoint that may have reached the bot; names are unique.
        wishes: Every wish about such an endpoint that may have.
        decided: Names of the endpoints about which somebody may have decided.
        agreed: The same of what was asked to be done with them.
        begun: Set as the first wish for an endpoint is on its way.
        due: Set as the first time is over, or the first decision is on its way.
        form: Held by whoever has a form open: it covers whatever else is on the screen.
        admins: Who may approve what somebody else asks for.
    """

    def __init__(
        self,
        env: Environment,
        channels: list[Channel],
        lots: Random,
        *,
        front: Callable[[], None],
        lives: Lives,
        creates: Sequence[str],
        fall_due: Callable[[str], Awaitable[None]],
    ) -> None:
        self.env = env
        self._channels = channels
        self._lots = lots
        self.front = front
        self._lives = lives
        self._creates = creates
        self.fall_due = fall_due
        self._named = 0
        self.deploys: list[Wish] = []
        self.wishes: list[Wish] = []
        self.decided: set[str] = set()
        self.agreed: set[str] = set()
        self.begun = asyncio.Event()
        self.due = asyncio.Event()
        self.form = asyncio.Lock()
        self.admins = [env.admin]

    async def ask(self, act: OperationView | None) -> None:
        """Ask for an endpoint, again under another name if Slack says that it failed.

        Args:
            act: What is done with it, some time after its thread has begun.
        """
        lots = Random(self._lots.random())  # noqa: S311 - not a secret
        who = lots.choice([self.env.admin, self.env.member])
        where = lots.choice(self._channels)
        way = lots.choice(list(Way))
        await asyncio.sleep(lots.uniform(0, 0.6))
        for _ in range(ATTEMPTS):
            wish = self._new_wish(who, where, act)
            if await self._deploy(wish, way, act.options if act else ""):
                break
            await asyncio.sleep(lots.uniform(0.3, 1.2))
        else:
            return
        if act is not None:
            await act.perform(self, wish, act, lots)

    def about(self, deploy: Wish, act: OperationView, who: UserClient) -> Wish:
        """A wish about an endpoint that was asked for; it is on its way from now on."""
        wish = Wish(deploy.name, who, deploy.where, act)
        wish.begin()
        self.wishes.append(wish)
        return wish

    async def until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """What shows in Slack; None if it doesn't in time."""
        try:
            return await self.env.slack.until(look, seconds)
        except ConditionTimeoutError:
            return None

    async def has_arrived(self, name: str, seconds: float) -> bool:
        """Whether the create request for an endpoint arrives in time."""
        with contextlib.suppress(TimeoutError):
            return await self.env.friendli.until(lambda: name in self._creates, within=seconds)
        return False

    async def asked(self, wish: Wish, line: str, button: str) -> Message | None:
        """Type a line; the question that comes, or None, after which a person types it again."""
        name = f"*{wish.name}*"
        wish.begin()
        self.front()
        if not (await wish.who.command(wish.where, line)).ok:
            return None

        def shown() -> Message | None:
            seen = wish.who.ephemerals(wish.where)[wish.whispers_before :]
            return next((one for one in seen if button in one.buttons and name in one.words), None)

        return await self.until(shown, ANSWERS_WITHIN)

    async def _deploy(self, wish: Wish, way: Way, options: str) -> bool:
        line = f"sandbox/works --gpu 1xH100 --name {wish.name} {options}".strip()
        if way in (Way.AT_ONCE, Way.REPLAYED):
            self._send(wish)
            self.front()
            ack = await wish.who.command(wish.where, f"{line} --yes")
            wish.acknowledged = ack.ok
            if way is Way.REPLAYED:
                self.front()
                await self.env.slack.deliver_again(ack.delivery)
            return ack.ok
        preview = await self.asked(wish, line, "Deploy")
        if preview is None:
            return False
        self._send(wish)
        self.front()
        if way is Way.TWICE:
            first, second = await wish.who.double_click(preview, "Deploy")
            wish.acknowledged = first.ok or second.ok
        else:
            wish.acknowledged = (await wish.who.click(preview, "Deploy")).ok
        return wish.acknowledged

    def _send(self, wish: Wish) -> None:
        self.deploys.append(wish)
        wish.begin()
        self.begun.set()

    def _new_wish(self, who: UserClient, where: Channel, act: OperationView | None) -> Wish:
        self._named += 1
        name = f"chaos-{self._named}"
        # Its endpoint stays where it is until the run moves it on.
        self.env.friendli.script(name, [BORN])
        if act is not None and act.way is not None:
            self._lives.lead(name, act.way)
        return Wish(name, who, where)
