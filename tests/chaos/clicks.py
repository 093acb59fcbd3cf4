"""The users of a run: they request endpoints in several ways, and then an action on them."""

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
from tests.chaos.scenario import BORN, Lifecycles

T = TypeVar("T")

ANSWERS_WITHIN = 5.0
ATTEMPTS = 4


class Way(StrEnum):
    """How an endpoint is requested."""

    AT_ONCE = "--yes"
    REPLAYED = "--yes, delivered twice"
    PREVIEW = "preview, then Deploy"
    TWICE = "preview, then Deploy twice at once"


@dataclass(frozen=True, slots=True)
class UserAction:
    """An action on an endpoint, some time after it was requested.

    Attributes:
        perform: Repeats clicks that Slack reports as failed.
        way: The endpoint's timeline before; None for any.
        options: Of the line that requests the endpoint.
        asked: The thread's reply once it is accepted; '' if other rules hold.
        refused: Replies if it isn't done.
        leads_to: The status afterwards; '' if the endpoint is gone.
        is_approved: It needs approval.
        is_tried_again: A failed try is followed by another.
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
        asked, refused = f"asked to {infinitive}.", (f"Friendli didn't {infinitive}",)
        return cls(infinitive, perform, way, asked=asked, refused=refused, leads_to=leads_to)


@dataclass(eq=False, slots=True)
class UserRequest:
    """A request by a user, and what the user saw of it.

    Attributes:
        name: Of the endpoint.
        action: None for the endpoint itself.
        clicks: How often Slack delivers it.
        acknowledged: In time; otherwise Slack has shown an error.
    """

    name: str
    who: UserClient
    where: Channel
    action: UserAction | None = None
    clicks: int = 1
    acknowledged: bool = False
    ephemerals_before: int = 0

    @property
    def ephemerals(self) -> list[str]:
        """Shown to this user since the request."""
        seen = self.who.ephemerals(self.where)[self.ephemerals_before :]
        return [message.text for message in seen]

    @property
    def root(self) -> Message | None:
        name = f"*{self.name}*"
        for message in self.where.messages.values():
            if not message.deleted and not message.is_reply and name in message.text:
                return message
        return None

    def begin(self) -> None:
        self.ephemerals_before = len(self.who.ephemerals(self.where))

    def thread_has(self, words: str) -> bool:
        root = self.root
        return root is not None and any(
            words in reply.text for reply in self.where.replies(root.ts)
        )


Perform = Callable[["Users", UserRequest, UserAction, Random], Awaitable[None]]
"""Performs an action, given the request for the endpoint."""


class Users:
    """Acts for every user of a run.

    Args:
        rng: Draws what they do.
        route: Points Slack to a replica that can take a click; called before each.
        creates: Names in the create requests that have arrived.
        fall_due: Makes an endpoint's lifetime and schedules due.

    Attributes:
        deploy_requests: Requests for endpoints that may have reached the bot; names are unique.
        requests: Requests about such endpoints.
        decided: Endpoints that somebody may have decided about.
        agreed: Endpoints of which an operation may have been decided about.
        begun: Set with the first request for an endpoint.
        due: Set with the first due time or decision.
        form: Held while a form is open: it covers the screen.
        admins: Who may approve others' requests.
    """

    def __init__(
        self,
        env: Environment,
        channels: list[Channel],
        rng: Random,
        *,
        route: Callable[[], None],
        lifecycles: Lifecycles,
        creates: Sequence[str],
        fall_due: Callable[[str], Awaitable[None]],
    ) -> None:
        self.env = env
        self._channels = channels
        self._rng = rng
        self.route = route
        self._lifecycles = lifecycles
        self._creates = creates
        self.fall_due = fall_due
        self._named = 0
        self.deploy_requests: list[UserRequest] = []
        self.requests: list[UserRequest] = []
        self.decided: set[str] = set()
        self.agreed: set[str] = set()
        self.begun = asyncio.Event()
        self.due = asyncio.Event()
        self.form = asyncio.Lock()
        self.admins = [env.admin]

    async def ask(self, action: UserAction | None) -> None:
        """Request an endpoint, again under another name if Slack reports a failure."""
        rng = Random(self._rng.random())  # noqa: S311 - not a secret
        who = rng.choice([self.env.admin, self.env.member])
        where = rng.choice(self._channels)
        way = rng.choice(list(Way))
        await asyncio.sleep(rng.uniform(0, 0.6))
        for _ in range(ATTEMPTS):
            request = self._new_wish(who, where, action)
            if await self._deploy(request, way, action.options if action else ""):
                break
            await asyncio.sleep(rng.uniform(0.3, 1.2))
        else:
            return
        if action is not None:
            await action.perform(self, request, action, rng)

    def about(self, deploy: UserRequest, action: UserAction, who: UserClient) -> UserRequest:
        """Record a request about an endpoint."""
        request = UserRequest(deploy.name, who, deploy.where, action)
        request.begin()
        self.requests.append(request)
        return request

    async def until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """None if it doesn't show in time."""
        try:
            return await self.env.slack.until(look, seconds)
        except ConditionTimeoutError:
            return None

    async def has_arrived(self, name: str, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            return await self.env.friendli.until(lambda: name in self._creates, within=seconds)
        return False

    async def asked(self, request: UserRequest, line: str, button: str) -> Message | None:
        """Type a line; the question that it is answered with, or None."""
        name = f"*{request.name}*"
        request.begin()
        self.route()
        if not (await request.who.command(request.where, line)).ok:
            return None

        def shown() -> Message | None:
            seen = request.who.ephemerals(request.where)[request.ephemerals_before :]
            return next((one for one in seen if button in one.buttons and name in one.words), None)

        return await self.until(shown, ANSWERS_WITHIN)

    async def _deploy(self, request: UserRequest, way: Way, options: str) -> bool:
        line = f"sandbox/works --gpu 1xH100 --name {request.name} {options}".strip()
        if way in (Way.AT_ONCE, Way.REPLAYED):
            self._send(request)
            self.route()
            ack = await request.who.command(request.where, f"{line} --yes")
            request.acknowledged = ack.ok
            if way is Way.REPLAYED:
                self.route()
                await self.env.slack.deliver_again(ack.delivery)
            return ack.ok
        preview = await self.asked(request, line, "Deploy")
        if preview is None:
            return False
        self._send(request)
        self.route()
        if way is Way.TWICE:
            first, second = await request.who.double_click(preview, "Deploy")
            request.acknowledged = first.ok or second.ok
        else:
            request.acknowledged = (await request.who.click(preview, "Deploy")).ok
        return request.acknowledged

    def _send(self, request: UserRequest) -> None:
        self.deploy_requests.append(request)
        request.begin()
        self.begun.set()

    def _new_wish(self, who: UserClient, where: Channel, action: UserAction | None) -> UserRequest:
        self._named += 1
        name = f"chaos-{self._named}"
        # The endpoint waits until the run moves it on.
        self.env.friendli.script(name, [BORN])
        if action is not None and action.way is not None:
            self._lifecycles.lead(name, action.way)
        return UserRequest(name, who, where)
