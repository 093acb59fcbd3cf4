"""The buttons that say which of several endpoints a deployment made."""

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.registry import DeferredTask, Feature
from bot.domain.permissions import Permission
from bot.messages.answer import answer
from bot.messages.buttons import ActionId
from bot.services.endpoint_selection import EndpointSelection, SelectionOutcome
from bot.services.pending_responses import PendingResponses
from bot.slack.requests import BlockAction

_WORDS = {
    SelectionOutcome.SETTLED: "Someone already chose; see the thread.",
    SelectionOutcome.TAKEN: "That endpoint belongs to another deployment.",
    SelectionOutcome.NOT_OFFERED: "That endpoint isn't one of the choices any more.",
}


async def selected(
    click: BlockAction,
    access: DeploymentAccess,
    selection: EndpointSelection,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Write the choice before the acknowledgement. Without an endpoint, it is none of them."""
    public_id, _, endpoint_id = click.value.partition(" ")
    await access.require(Permission.DEPLOY, click, public_id)
    outcome = await selection.select(
        click.place, click.person, public_id, endpoint_id or None, message_ts=click.message_ts
    )
    words = _WORDS.get(outcome)
    if words is None:
        return None
    return await durable_response(pending_responses, click, answer(words))


FEATURE = Feature(clicks={ActionId.CHOOSE: selected, ActionId.CHOOSE_NONE: selected})
