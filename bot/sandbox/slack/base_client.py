"""What every action in Slack's client comes down to: deliveries, and notices when they fail."""

from dataclasses import dataclass

from bot.sandbox.slack.changes import NoticeShown
from bot.sandbox.slack.conversations import Channel, ChannelKind, Message, User
from bot.sandbox.slack.deliveries import Ack, Deliveries, Kind
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.fields import Field, fields
from bot.sandbox.slack.modals import Modals
from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Workspace

# Interactions whose acknowledgement may carry a response; Slack ignores the bodies of all others.
_ANSWERED = {"view_submission", "block_suggestion"}


class NotPossibleError(Exception):
    """Slack's client doesn't offer this; a test that asks for it is mistaken."""


@dataclass(frozen=True, slots=True)
class ClientContext:
    """The parts of the workspace that a user's client works on."""

    workspace: Workspace
    modals: Modals
    payloads: Payloads
    deliveries: Deliveries
    events: Events


class BaseClient:
    """One user's Slack client.

    Attributes:
        notices: Errors that Slack's client showed the user, oldest first.
    """

    def __init__(self, user: User, context: ClientContext) -> None:
        self.user = user
        self.notices: list[str] = []
        self._slack = context

    async def _deliver(self, kind: Kind, name: str, payload: JsonObject) -> Ack:
        deliveries = self._slack.deliveries
        ack = await deliveries.send(deliveries.prepare(kind, name, payload))
        if ack.error:
            self._notice(f"{name}: {ack.error}")
        return ack

    async def _interact(self, payload: JsonObject) -> Ack:
        name = str(payload["type"])
        ack = await self._deliver(Kind.INTERACTIVE, name, payload)
        # Bolt responds so when it can't authorize a request and no listener has run.
        if ack.ok and ack.body.strip() and name not in _ANSWERED:
            self._notice(f"{name}: the answer was ignored: {ack.body[:200]}")
        return ack

    def _notice(self, text: str) -> None:
        self.notices.append(text)
        self._slack.workspace.changes.publish(NoticeShown(self.user.id, text))

    def _channel(self, reference: Channel | str) -> Channel:
        channel = self._slack.workspace.channel(reference)
        self._must_be_in(channel)
        return channel

    def _must_be_in(self, channel: Channel) -> None:
        if self.user.id not in channel.member_ids:
            raise NotPossibleError(f"{self.user.name} isn't in #{channel.name}")
        if channel.is_archived and channel.kind is not ChannelKind.DIRECT:
            raise NotPossibleError(f"#{channel.name} is archived")

    def _must_see(self, place: Message | View) -> None:
        if isinstance(place, View):
            home = self._slack.modals.home_tabs.get(self.user.id)
            if place.user_id != self.user.id or place.closed:
                raise NotPossibleError(f"{self.user.name} doesn't have {place.title!r} open")
            stack = self._slack.modals.stack(self.user.id)
            # Also a Home tab as it was before it was drawn anew.
            is_home = home is not None and place.id == home.id
            if not is_home and (not stack or place is not stack[-1]):
                raise NotPossibleError(f"{place.title!r} lies under another modal")
            return
        self._must_be_in(self._slack.workspace.channels[place.channel_id])
        if place.deleted or place.ephemeral_to not in (None, self.user.id):
            raise NotPossibleError(f"{self.user.name} can't see this message")


def find(place: Message | View, name: str | Field) -> Field:
    """Return the interactive element of this name.

    Args:
        name: Its label, visible text, placeholder, action_id or block_id; or the element itself,
            where a name is ambiguous.

    Raises:
        LookupError: If there is none, or more than one.
    """
    there = list(fields(place.blocks))
    if isinstance(name, Field):
        if name in there:
            return name
        raise LookupError(f"{name.action_id!r} isn't there any more")
    found = [item for item in there if item.known_as(name)]
    if len(found) == 1:
        return found[0]
    names = "\n".join(
        f"  {item.type} {item.label or item.text!r} "
        f"(block_id {item.block_id!r}, action_id {item.action_id!r})"
        for item in found or there
    )
    count = "more than one element is" if found else "nothing is"
    raise LookupError(f"{count} called {name!r}; there is:\n{names or '  nothing to use'}")
