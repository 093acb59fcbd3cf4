"""What people do in a run: ask for endpoints in several ways, and end some of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeVar

from bot.sandbox.friendli.timeline import Leg
from bot.sandbox.slack.changes import NotReachedError
from bot.sandbox.slack.conversations import Channel, Message
from bot.sandbox.slack.people import Person
from bot.sandbox.world import World

T = TypeVar("T")

_PREVIEW_WITHIN = 5.0
_ROOT_WITHIN = 30.0
_ATTEMPTS = 4


class Way(StrEnum):
    """How an endpoint is asked for."""

    AT_ONCE = "--yes"
    REPLAYED = "--yes, delivered twice"
    PREVIEW = "preview, then Deploy"
    TWICE = "preview, then Deploy twice at once"


@dataclass(eq=False, slots=True)
class Wish:
    """Something a person asked for, and what that person saw of it at once.

    Attributes:
        name: Of the endpoint.
        who: The person.
        where: The channel.
        acknowledged: Whether the bot took it in time; else Slack itself has said so.
        whispers_before: How many ephemeral messages the person had seen.
    """

    name: str
    who: Person
    where: Channel
    acknowledged: bool = False
    whispers_before: int = 0

    @property
    def whispers(self) -> list[str]:
        """What only this person saw since."""
        seen = self.who.ephemerals(self.where)[self.whispers_before :]
        return [message.text for message in seen]

    def begin(self) -> None:
        """Remember what the person has seen already."""
        self.whispers_before = len(self.who.ephemerals(self.where))


class Crowd:
    """Acts for everybody in a run.

    Args:
        here: Where they are.
        channels: The connected channels.
        lots: Draws what they do.
        front: Points Slack to a replica that can take a click; called before each.

    Attributes:
        deploys: Every wish for an endpoint that may have reached the bot; names are unique.
        stops: Every wish to end one.
        begun: Set as the first wish for an endpoint is on its way.
    """

    def __init__(
        self, here: World, channels: list[Channel], lots: Random, front: Callable[[], None]
    ) -> None:
        self._here = here
        self._channels = channels
        self._lots = lots
        self._front = front
        self._named = 0
        self.deploys: list[Wish] = []
        self.stops: list[Wish] = []
        self.begun = asyncio.Event()

    async def ask(self, *, stop: bool) -> None:
        """Ask for an endpoint, again under another name if Slack says that it failed.

        Args:
            stop: Whether to end it, some time after its thread has begun.
        """
        lots = Random(self._lots.random())  # noqa: S311 - not a secret
        who = lots.choice([self._here.admin, self._here.member])
        where = lots.choice(self._channels)
        way = lots.choice(list(Way))
        await asyncio.sleep(lots.uniform(0, 0.6))
        for _ in range(_ATTEMPTS):
            wish = self._new_wish(who, where)
            if await self._deploy(wish, way):
                break
            await asyncio.sleep(lots.uniform(0.3, 1.2))
        else:
            return
        if stop:
            await self._stop(wish, lots)

    async def _deploy(self, wish: Wish, way: Way) -> bool:
        line = f"sandbox/works --gpu 1xH100 --name {wish.name}"
        if way in (Way.AT_ONCE, Way.REPLAYED):
            self._send(wish)
            self._front()
            ack = await wish.who.command(wish.where, f"{line} --yes")
            wish.acknowledged = ack.ok
            if way is Way.REPLAYED:
                self._front()
                await self._here.slack.deliver_again(ack.delivery)
            return ack.ok
        preview = await self._preview(wish, line)
        if preview is None:
            return False
        self._send(wish)
        self._front()
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

    async def _preview(self, wish: Wish, line: str) -> Message | None:
        """Type the line; None if no preview came, after which a person types it again."""
        wish.begin()
        self._front()
        if not (await wish.who.command(wish.where, line)).ok:
            return None

        def shown() -> Message | None:
            seen = wish.who.ephemerals(wish.where)[wish.whispers_before :]
            return next(
                (one for one in seen if "Deploy" in one.buttons and wish.name in one.words), None
            )

        return await self._until(shown, _PREVIEW_WITHIN)

    async def _stop(self, wish: Wish, lots: Random) -> None:
        def button() -> tuple[Message, str] | None:
            for message in wish.where.messages.values():
                if not message.deleted and not message.is_reply and wish.name in message.text:
                    for label in ("Cancel", "Terminate"):
                        if label in message.buttons:
                            return message, label
            return None

        await asyncio.sleep(lots.choice([0, lots.uniform(0, 2.5)]))
        who = lots.choice([wish.who, self._here.admin])
        for _ in range(_ATTEMPTS):
            found = await self._until(button, _ROOT_WITHIN)
            if found is None:
                return
            stop = Wish(wish.name, who, wish.where)
            stop.begin()
            self.stops.append(stop)
            self._front()
            message, label = found
            stop.acknowledged = (await who.click(message, label)).ok
            if stop.acknowledged:
                return
            await asyncio.sleep(lots.uniform(0.3, 1.2))

    def _new_wish(self, who: Person, where: Channel) -> Wish:
        self._named += 1
        name = f"chaos-{self._named}"
        # Its endpoint stays where it is until the run moves it on.
        self._here.friendli.script(name, [Leg("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE")])
        return Wish(name, who, where)

    async def _until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        try:
            return await self._here.slack.until(look, seconds)
        except NotReachedError:
            return None
