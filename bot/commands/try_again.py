"""The Try again button: the form, with everything that was asked for filled in."""

from bot.commands import deploy
from bot.commands.desk import Click, Desk, Work, answer
from bot.commands.registry import SLASH, Feature
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.request.draft import DeployDraft
from bot.deployments.request.proposed_name import new_tag, propose_name
from bot.messages.buttons import ActionId

_FORGOTTEN = (
    f"This deployment ended long ago, and I don't know it any more. `{SLASH}` opens an empty form."
)
_TAG_LENGTH = len(new_tag())


async def clicked(desk: Desk, click: Click) -> Work:
    """Open the form."""
    return _open(desk, click)


async def _open(desk: Desk, click: Click) -> None:
    deployment = await desk.deployments.find(click.place, click.value)
    if deployment is None:
        await desk.responses.say(click.response_url, answer(_FORGOTTEN), thread_ts=click.thread_ts)
        return
    work = await deploy.open_form(
        desk, click, _draft(DeployRequest.model_validate(deployment.request))
    )
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


FEATURE = Feature(clicks={ActionId.TRY_AGAIN: clicked})
