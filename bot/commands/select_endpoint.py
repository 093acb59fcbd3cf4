"""The buttons that say which of several endpoints a deployment made."""

from bot.commands.context import DeferredTask, Services
from bot.commands.operation_buttons import unknown_endpoint
from bot.commands.pending_response import answer_surely
from bot.commands.registry import Feature
from bot.domain.permissions import Permission
from bot.messages.buttons import ActionId
from bot.services.endpoint_selection import SelectionOutcome
from bot.slack.requests import BlockAction

_WORDS = {
    SelectionOutcome.SETTLED: "That was settled already; the thread says how.",
    SelectionOutcome.TAKEN: "That endpoint belongs to another deployment.",
    SelectionOutcome.NOT_OFFERED: "That endpoint isn't one of the choices any more.",
}


async def chosen(services: Services, click: BlockAction) -> DeferredTask:
    """This one it is."""
    public_id, _, endpoint_id = click.value.partition(" ")
    return await _choose(services, click, public_id, endpoint_id)


async def chosen_none(services: Services, click: BlockAction) -> DeferredTask:
    """It is none of them."""
    return await _choose(services, click, click.value, None)


async def _choose(
    services: Services, click: BlockAction, public_id: str, endpoint_id: str | None
) -> DeferredTask:
    """Write the choice down; Slack is acknowledged only then."""
    deployment = await services.deployments.find(click.place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await services.authorizer.authorize(
        Permission.DEPLOY,
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
    )
    outcome = await services.choices.choose(
        click.place, click.person, public_id, endpoint_id, message_ts=click.message_ts
    )
    words = _WORDS.get(outcome)
    return None if words is None else await answer_surely(services, click, words)


FEATURE = Feature(clicks={ActionId.CHOOSE: chosen, ActionId.CHOOSE_NONE: chosen_none})
