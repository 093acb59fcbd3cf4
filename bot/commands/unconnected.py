"""A channel without a target: admins connect a project, everybody else asks them to."""

from dataclasses import dataclass

from bot.commands.invite import invitation, needs_invitation
from bot.commands.registry import Feature, deferred
from bot.commands.target_lookup import NotConnectedError
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages.answer import answer
from bot.messages.blocks import Block, button
from bot.messages.buttons import connect
from bot.messages.markup import mention
from bot.services.announcements import AskOutcome, ConnectRequests
from bot.services.authorization import Authorizer
from bot.slack.people import People
from bot.slack.requests import BlockAction, Request

ASK_ACTION = "target.ask"
_ADMINS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Unconnected:
    """Offers the way to a connected channel."""

    people: People
    authorizer: Authorizer

    async def refusal(self, request: Request) -> UserError:
        """The error with the button that this person can use."""
        message = NotConnectedError().message
        if request.person.is_from_elsewhere(request.place):
            return UserError(message, hint="Someone of this workspace can connect one.")
        if await self._may_connect(request):
            return UserError(message, actions=[connect()])
        return UserError(
            message,
            hint="Workspace admins can connect one.",
            actions=[ask_button()],
        )

    async def _may_connect(self, request: Request) -> bool:
        try:
            return await self.authorizer.may(Permission.CONNECT, request.person, request.place)
        except UserError:
            # Slack doesn't say in time; the click asks again.
            return False

    async def admins(self) -> str:
        """Whom to ask, as mrkdwn."""
        admins = (await self.people.admins())[:_ADMINS_NAMED]
        return " ".join(map(mention, admins))


def ask_button() -> Block:
    return button("Ask an admin", ASK_ACTION, style="primary")


@deferred
async def ask(click: BlockAction, unconnected: Unconnected, requests: ConnectRequests) -> None:
    """Ask in the channel, where the admins are mentioned."""
    if click.person.is_from_elsewhere(click.place):
        raise await unconnected.refusal(click)
    membership = await unconnected.people.membership(click.place)
    if needs_invitation(membership):
        raise await invitation(unconnected.people, membership)
    whom = await unconnected.admins()
    if not whom:
        raise UserError("I don't find an admin of this workspace.", hint="Ask one by name.")
    outcome = await requests.post(click.place, click.person, whom, message_ts=click.message_ts)
    words = {
        AskOutcome.POSTED: f"Asked {whom} in this channel.",
        AskOutcome.REPEATED: f"{whom} was asked in this channel already.",
        AskOutcome.CONNECTED: "This channel is connected by now. Try again.",
    }
    await click.responder.replace(answer(words[outcome]))


FEATURE = Feature(clicks={ASK_ACTION: ask})
