"""The Ask them button of a refusal: post the wish in the thread, for those who may."""

from dataclasses import replace
from typing import Self

from pydantic import BaseModel

from bot.commands.context import DeferredTask, Services, answer
from bot.commands.operation_buttons import unknown_endpoint
from bot.commands.registry import Feature
from bot.domain.actors import SlackId
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.messages.blocks import plain
from bot.messages.body import Body
from bot.services.access_requests import RequestOutcome
from bot.services.authorization import ASK_ACTION
from bot.slack.requests import BlockAction

_WORDS = {
    RequestOutcome.POSTED: "Your request stands in the thread.",
    RequestOutcome.REPEATED: "You asked already; your request stands in the thread.",
}


class _Wish(BaseModel):
    """What the button asks for.

    Attributes:
        channel_id: Where it was refused.
        operation: What was refused, if it was an operation on the endpoint.
    """

    permission: Permission
    public_id: str
    channel_id: SlackId
    operation: OperationKind | None = None

    @classmethod
    def read(cls, value: str) -> Self:
        """Read a button's value.

        Raises:
            pydantic.ValidationError: It is another version's.
        """
        return cls.model_validate(dict(zip(cls.model_fields, value.split(" "), strict=False)))


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Ask, and say that it was asked in the refusal's place."""
    return _ask(services, click)


async def _ask(services: Services, click: BlockAction) -> None:
    wish = _Wish.read(click.value)
    permission, public_id = wish.permission, wish.public_id
    # A refusal may be shown in a modal, which stands in no channel.
    place = click.place
    if not place.channel_id:
        place = replace(place, channel_id=wish.channel_id)
    deployment = await services.deployments.find(place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    target = deployment.target_name
    if await services.authorizer.may(permission, click.person, place, target):
        await _say(services, click, answer("You may do this yourself now. Try once more."))
        return
    rules = await services.authorizer.rules(place, target)
    if click.person.is_from_elsewhere(place) and not rules.policy.guests_may_act:
        # They were shown no such button.
        await services.authorizer.authorize(permission, click.person, place, target=target)
    whom = await services.authorizer.whom(permission, place, target)
    outcome = await services.requests.post(
        place,
        click.person,
        public_id,
        permission,
        whom,
        operation=wish.operation,
        message_ts=click.message_ts,
    )
    if outcome is RequestOutcome.GONE:
        raise unknown_endpoint()
    await _say(services, click, answer(_WORDS[outcome]))


async def _say(services: Services, click: BlockAction, said: Body) -> None:
    if click.view is None:
        await services.responses.replace(click.response_url, said)
    else:
        view = {
            "type": "modal",
            "title": plain("Friendli Deploy", 24),
            "close": plain("Close", 24),
            "blocks": said.blocks,
        }
        await services.modals.replace(click.view["id"], view)


FEATURE = Feature(clicks={ASK_ACTION: clicked})
