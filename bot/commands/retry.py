"""Buttons that try again: the form, filled in with the earlier request."""

from dataclasses import dataclass

from bot.commands.deploy_modal import DeployForm
from bot.commands.registry import SLASH, Feature, deferred
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.proposed_name import new_tag, propose_name
from bot.messages.answer import answer
from bot.messages.buttons import ActionId
from bot.services.deployments import Deployments
from bot.slack.requests import BlockAction

_FORGOTTEN = (
    f"This deployment ended long ago, and the bot has deleted it. `{SLASH}` opens an empty form."
)
_TAG_LENGTH = len(new_tag())


@dataclass(frozen=True, slots=True)
class FilledForm:
    """The form with what a deployment was requested with."""

    deployments: Deployments
    form: DeployForm

    async def open(
        self,
        click: BlockAction,
        public_id: str,
        *,
        gpu: str | None = None,
        focus: str | None = None,
    ) -> None:
        """Open the form, such as with the GPU "2xH100" chosen, or with the cursor in a field."""
        deployment = await self.deployments.find(click.place, public_id)
        if deployment is None:
            await click.responder.say(answer(_FORGOTTEN))
            return
        draft = again(DeployRequest.model_validate(deployment.request))
        if gpu is not None:
            draft = draft.model_copy(update={"gpu": gpu})
        await self.form.open(
            click, draft, refused=deployment.refused_fields, focus=focus, repairs=public_id
        )


@deferred
async def clicked(click: BlockAction, filled: FilledForm) -> None:
    await filled.open(click, click.value)


@deferred
async def edit(click: BlockAction, filled: FilledForm) -> None:
    public_id, _, field = click.value.partition(" ")
    await filled.open(click, public_id, focus=field)


@deferred
async def larger(click: BlockAction, filled: FilledForm) -> None:
    public_id, _, key = click.value.partition(" ")
    await filled.open(click, public_id, gpu=key)


def again(request: DeployRequest) -> DeployDraft:
    """Propose a proposed name anew: the failed or late endpoint may still have the old one."""
    draft = request.draft()
    if request.name == propose_name(request.model, request.name[-_TAG_LENGTH:]):
        return draft.model_copy(update={"name": None})
    return draft


FEATURE = Feature(
    clicks={ActionId.TRY_AGAIN: clicked, ActionId.EDIT: edit, ActionId.LARGER: larger}
)
