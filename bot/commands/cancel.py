"""The Cancel button: end a deployment, wherever it has come to."""

from bot.commands.context import DeferredTask, Services
from bot.commands.operation_buttons import unknown_endpoint
from bot.commands.pending_response import answer_surely
from bot.commands.registry import Feature
from bot.domain.permissions import Permission
from bot.messages.buttons import ActionId
from bot.services.deployments import CancelOutcome
from bot.slack.requests import BlockAction

_WORDS = {
    CancelOutcome.ALREADY_ASKED: "Somebody asked for that already; the thread tells how it goes.",
    CancelOutcome.OVER: "It is over already; there is nothing left to end.",
}


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Write the wish down; the thread tells what becomes of it.

    Slack is acknowledged only then: a wish that died with us would leave it billing unseen.
    """
    deployment = await services.deployments.find(click.place, click.value)
    if deployment is None:
        raise unknown_endpoint()
    await services.authorizer.authorize(
        Permission.TERMINATE,
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
    )
    outcome = await services.deployments.stop(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    words = _WORDS.get(outcome)
    return None if words is None else await answer_surely(services, click, words)


FEATURE = Feature(clicks={ActionId.CANCEL: clicked})
