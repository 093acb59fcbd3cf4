"""Buttons of a failure that repair it: a later retry, another revision, a message to support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bot.commands.deploy_modal import DeployForm
from bot.commands.deployment_access import DeploymentAccess
from bot.commands.modal_state import Modal
from bot.commands.registry import DeferredTask, Feature, ViewResponse, deferred
from bot.commands.retry import again
from bot.domain.actors import ChannelRef
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.text import clip
from bot.hub.revisions import Revision, Revisions
from bot.messages import support
from bot.messages.action_ids import ActionId
from bot.messages.answer import answer
from bot.messages.blocks import Block, input_block, option, plain, section
from bot.messages.markup import code, moment
from bot.services.deployments import Deployments
from bot.services.schedules import ScheduleOutcome, Schedules
from bot.slack.modals import Modals
from bot.slack.requests import BlockAction, ViewSubmission

REVISIONS_ID = "revisions"
_CHOICE = "revisions.choice"
_TITLE = "Choose a revision"
_MOST_OPTIONS = 100  # in a menu
_LONGEST_VALUE = 150  # of an option
_SHORT_COMMIT = 7
_NOT_FAILED = "It is no longer failed, so there is nothing to retry."


async def retry_later(
    click: BlockAction, access: DeploymentAccess, schedules: Schedules
) -> DeferredTask:
    """Write it before Slack is acknowledged: a restart costs money."""
    kind = OperationKind.RESTART
    deployment = await access.require(kind.facts.permission, click, click.value, operation=kind)
    outcome, at = await schedules.retry_later(
        click.place, click.person, deployment.public_id, message_ts=click.message_ts
    )
    if outcome is ScheduleOutcome.ACCEPTED:
        return None
    if at is not None:
        return _say(click, f"A retry is already planned for {moment(at, '{time}')}.")
    return _say(click, _NOT_FAILED)


async def _say(click: BlockAction, words: str) -> None:
    await click.responder.say(answer(words))


@deferred
async def write_to_support(
    click: BlockAction, access: DeploymentAccess, deployments: Deployments, modals: Modals
) -> None:
    deployment = await access.find(click, click.value)
    view = await deployments.view(deployment)
    await modals.open(click.trigger_id, support.modal(view))


class RevisionChoice(BaseModel):
    """The modal's state."""

    place: ChannelRef
    public_id: str


@dataclass(frozen=True, slots=True)
class RevisionMenu:
    """Shows the revisions of a failed deployment's model."""

    access: DeploymentAccess
    modals: Modals
    revisions: Revisions
    form: DeployForm

    async def open(self, click: BlockAction) -> None:
        deployment = await self.access.require(Permission.DEPLOY, click, click.value)
        request = DeployRequest.model_validate(deployment.request)
        # The trigger dies after three seconds, so the modal comes first and the Hub after.
        asking = message_view(f"Reading the revisions of {code(request.model)} …")
        view_id = await self.modals.open(click.trigger_id, asking)
        found = await self.revisions.of(request.model)
        if found:
            choice = RevisionChoice(place=click.place, public_id=deployment.public_id)
            await self.modals.replace(view_id, build(choice, request, found))
            return
        draft = again(request)
        view = await self.form.filled(
            click.place, draft, focus="revision", repairs=deployment.public_id
        )
        await self.modals.replace(view_id, view)


@deferred
async def choose_revision(click: BlockAction, menu: RevisionMenu) -> None:
    await menu.open(click)


def message_view(words: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain(_TITLE, 24),
        "close": plain("Cancel", 24),
        "blocks": [section(words)],
    }


def build(
    choice: RevisionChoice, request: DeployRequest, revisions: Sequence[Revision]
) -> dict[str, Any]:
    shown = [one for one in revisions if len(one.name) <= _LONGEST_VALUE][:_MOST_OPTIONS]
    options = [option(clip(_label(one), 75), one.name) for one in shown]
    menu: Block = {"type": "static_select", "action_id": _CHOICE, "options": options}
    tried = f" {code(request.revision)} was tried." if request.revision else ""
    more = len(revisions) - len(shown)
    cut = f"{more} more are on the Hub." if more > 0 else None
    return message_view(f"{code(request.model)} has these branches and tags.{tried}") | {
        "callback_id": REVISIONS_ID,
        "submit": plain("Continue", 24),
        "private_metadata": choice.model_dump_json(),
        "blocks": [
            section(f"{code(request.model)} has these branches and tags.{tried}"),
            input_block("Revision", menu, block_id=_CHOICE, hint=cut),
        ],
    }


def _label(one: Revision) -> str:
    kind = "tag" if one.is_tag else "branch"
    return f"{one.name} · {kind} · {one.commit[:_SHORT_COMMIT]}"


async def chosen(
    submission: ViewSubmission, access: DeploymentAccess, form: DeployForm
) -> ViewResponse:
    """Show the form with the revision, filled in otherwise as the failed one was."""
    shown = Modal.model_validate(submission.view)
    choice = RevisionChoice.model_validate_json(shown.private_metadata)
    deployment = await access.require(Permission.DEPLOY, submission, choice.public_id)
    selected = shown.element(_CHOICE).selected_option
    draft = again(DeployRequest.model_validate(deployment.request))
    if selected is not None:
        draft = draft.model_copy(update={"revision": selected.value})
    view: Mapping[str, object] = await form.filled(
        submission.place, draft, focus="revision", repairs=choice.public_id
    )
    return ViewResponse(view=view)


FEATURE = Feature(
    clicks={
        ActionId.RETRY_LATER: retry_later,
        ActionId.CHOOSE_REVISION: choose_revision,
        ActionId.SUPPORT: write_to_support,
    },
    submissions={REVISIONS_ID: chosen},
)
