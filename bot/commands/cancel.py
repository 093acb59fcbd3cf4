"""The Cancel button: end a deployment in any state."""

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.registry import DeferredTask, Feature
from bot.domain.permissions import Permission
from bot.messages.answer import answer
from bot.messages.buttons import ActionId
from bot.services.cancellations import Cancellations, CancelOutcome
from bot.services.pending_responses import PendingResponses
from bot.slack.requests import BlockAction

_WORDS = {
    CancelOutcome.ALREADY_ASKED: "Someone already requested this; see the thread.",
    CancelOutcome.OVER: "It has already ended.",
}


async def clicked(
    click: BlockAction,
    access: DeploymentAccess,
    cancellations: Cancellations,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Write the request before the acknowledgement: a lost cancel would keep billing."""
    await access.require(Permission.TERMINATE, click, click.value)
    outcome = await cancellations.cancel(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    words = _WORDS.get(outcome)
    if words is None:
        return None
    return await durable_response(pending_responses, click, answer(words))


FEATURE = Feature(clicks={ActionId.CANCEL: clicked})
