"""The Ask them button of a refusal: post an access request in the thread."""

from dataclasses import replace
from typing import Self

from pydantic import BaseModel

from bot.commands.deployment_access import DeploymentAccess, unknown_endpoint
from bot.commands.registry import Feature, deferred
from bot.domain.actors import SlackId
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.messages.answer import answer
from bot.services.access_requests import AccessRequests, RequestOutcome
from bot.services.authorization import ASK_ACTION, Authorizer
from bot.slack.requests import BlockAction

_WORDS = {
    RequestOutcome.POSTED: "Asked in the thread.",
    RequestOutcome.REPEATED: "You already asked in the thread.",
}


class _ButtonValue(BaseModel):
    """The button's value.

    Attributes:
        channel_id: Where it was refused.
        operation: What was refused, if it was an operation on the endpoint.
    """

    permission: Permission
    public_id: str
    channel_id: SlackId
    operation: OperationKind | None = None

    @classmethod
    def parse(cls, value: str) -> Self:
        """Raise pydantic.ValidationError if it is another version's."""
        return cls.model_validate(dict(zip(cls.model_fields, value.split(" "), strict=False)))


@deferred
async def clicked(
    click: BlockAction,
    access: DeploymentAccess,
    authorizer: Authorizer,
    access_requests: AccessRequests,
) -> None:
    """Post the request, and confirm it in place of the refusal."""
    value = _ButtonValue.parse(click.value)
    permission = value.permission
    # A refusal may be shown in a modal, which belongs to no channel.
    place = click.place
    if not place.channel_id:
        place = replace(place, channel_id=value.channel_id)
    deployment = await access.find(replace(click, place=place), value.public_id)
    target = deployment.target_name
    if await authorizer.may(permission, click.person, place, target):
        await click.responder.replace(answer("You can do this yourself now. Try again."))
        return
    rules = await authorizer.rules(place, target)
    if click.person.is_from_elsewhere(place) and not rules.policy.guests_may_act:
        # They were shown no such button.
        await authorizer.authorize(permission, click.person, place, target=target)
    whom = await authorizer.whom(permission, place, target)
    outcome = await access_requests.post(
        place,
        click.person,
        value.public_id,
        permission,
        whom,
        operation=value.operation,
        message_ts=click.message_ts,
    )
    if outcome is RequestOutcome.GONE:
        raise unknown_endpoint()
    await click.responder.replace(answer(_WORDS[outcome]))


FEATURE = Feature(clicks={ASK_ACTION: clicked})
