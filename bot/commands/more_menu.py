"""The menu behind a row of buttons: each option is a click on a button that isn't shown."""

from dataclasses import replace

from bot.commands.deploy_options import to_line
from bot.commands.deployment_access import DeploymentAccess
from bot.commands.registry import DeferredTask, Feature, Registry, deferred
from bot.domain.errors import UserError
from bot.domain.operations import OperationKind, operations_that
from bot.domain.permissions import Permission
from bot.domain.request.deploy_request import DeployRequest
from bot.messages.answer import answer
from bot.messages.buttons import ActionId
from bot.messages.lifetime_buttons import EXTEND_ACTION
from bot.messages.markup import escape
from bot.messages.questions import ask
from bot.services.deployments import Deployments
from bot.slack.requests import BlockAction

_KINDS = {kind.action_id: kind for kind in operations_that(lambda facts: facts.button is not None)}
_OFFERED = {*_KINDS, EXTEND_ACTION, ActionId.TRY_AGAIN, ActionId.COPY}


async def chosen(click: BlockAction, access: DeploymentAccess, registry: Registry) -> DeferredTask:
    """Do what the option's button would do; what a button asks in a dialog is asked first."""
    action_id, _, value = click.value.partition(" ")
    handler = registry.click(action_id) if action_id in _OFFERED else None
    if handler is None:
        raise UserError("This menu is from another version of the bot. Use a newer message.")
    kind = _KINDS.get(action_id)
    if kind is not None and kind.facts.button is not None and kind.facts.button.dialog is not None:
        return _ask(click, access, kind, value)
    return await handler(replace(click, action_id=action_id, value=value))


async def _ask(
    click: BlockAction, access: DeploymentAccess, kind: OperationKind, public_id: str
) -> None:
    deployment = await access.require(kind.facts.permission, click, public_id, operation=kind)
    question = ask(kind, deployment.name, None, deployment.public_id)
    if question is not None:
        await click.responder.say(question)


@deferred
async def copied(click: BlockAction, access: DeploymentAccess, deployments: Deployments) -> None:
    """Show the command that deploys the same."""
    await access.require(Permission.LOOK, click, click.value)
    deployment = await deployments.find(click.place, click.value)
    if deployment is None:
        raise UserError("This deployment ended long ago, and I don't know it any more.")
    draft = DeployRequest.model_validate(deployment.request).draft()
    typed = to_line(draft.model_copy(update={"name": None}))
    await click.responder.say(answer(f"```{escape(typed)}```"))


FEATURE = Feature(clicks={ActionId.MORE: chosen, ActionId.COPY: copied})
