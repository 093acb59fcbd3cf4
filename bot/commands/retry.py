"""Buttons that try again: the form, with everything that was asked for filled in."""

from bot.commands import deploy
from bot.commands.context import DeferredTask, Services, answer
from bot.commands.registry import SLASH, Feature
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.proposed_name import new_tag, propose_name
from bot.messages.buttons import ActionId
from bot.slack.requests import BlockAction

_FORGOTTEN = (
    f"This deployment ended long ago, and I don't know it any more. `{SLASH}` opens an empty form."
)
_TAG_LENGTH = len(new_tag())


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form."""
    return open_again(services, click, click.value)


async def edit(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form at the setting that a failure is about."""
    public_id, _, field = click.value.partition(" ")
    return open_again(services, click, public_id, focus=field)


async def larger(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form with a larger instance chosen."""
    public_id, _, key = click.value.partition(" ")
    return open_again(services, click, public_id, gpu=key)


async def open_again(
    services: Services,
    click: BlockAction,
    public_id: str,
    *,
    gpu: str | None = None,
    focus: str | None = None,
) -> None:
    """Open the form with what a deployment was asked for with.

    Args:
        services: The services.
        click: With the trigger that opens it.
        public_id: The deployment.
        gpu: The instance option to choose instead, such as "2xH100".
        focus: The field that the cursor stands in.
    """
    deployment = await services.deployments.find(click.place, public_id)
    if deployment is None:
        await services.responses.say(
            click.response_url, answer(_FORGOTTEN), thread_ts=click.thread_ts
        )
        return
    draft = _draft(DeployRequest.model_validate(deployment.request))
    if gpu is not None:
        draft = draft.model_copy(update={"gpu": gpu})
    refused = deployment.refused_fields
    work = await deploy.open_form(services, click, draft, refused=refused, focus=focus)
    if work is not None:
        await work


def _draft(request: DeployRequest) -> DeployDraft:
    """What was asked for; a name that we proposed is left for us to propose anew.

    The endpoint that failed, or that appears late, may still have the old one.
    """
    draft = request.draft()
    if request.name == propose_name(request.model, request.name[-_TAG_LENGTH:]):
        return draft.model_copy(update={"name": None})
    return draft


FEATURE = Feature(
    clicks={ActionId.TRY_AGAIN: clicked, ActionId.EDIT: edit, ActionId.LARGER: larger}
)
