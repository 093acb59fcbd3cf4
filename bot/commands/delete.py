"""Delete an endpoint for good: a modal that asks for its name first."""

import uuid
from typing import Any

from pydantic import BaseModel

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.modal_state import Modal
from bot.commands.operation_buttons import not_accepted
from bot.commands.registry import Feature, ViewResponse, deferred
from bot.commands.unfitting import Unfitting
from bot.db.deployment_tables import Deployment
from bot.domain.actors import ChannelRef
from bot.domain.operations import OperationKind
from bot.domain.request.draft import LONGEST_NAME
from bot.domain.text import clip
from bot.messages.answer import answer
from bot.messages.blocks import input_block, plain, section, text_input
from bot.messages.body import Body
from bot.messages.markup import bold
from bot.messages.questions import under_way
from bot.services.operations import OperationOutcome, Operations
from bot.services.pending_responses import PendingResponses
from bot.slack.modals import Modals
from bot.slack.requests import BlockAction, Request, ViewSubmission

CALLBACK_ID = "delete"
_NAME = "name"
_KIND = OperationKind.DELETE


class Question(BaseModel):
    """The modal's state.

    Attributes:
        request_id: The idempotency key.
        message_ts: The message whose button opened it.
    """

    place: ChannelRef
    public_id: str
    request_id: str
    message_ts: str = ""


@deferred
async def clicked(
    click: BlockAction, access: DeploymentAccess, unfitting: Unfitting, modals: Modals
) -> None:
    """Ask for the name; what still runs is terminated first."""
    deployment = await access.require(_KIND.facts.permission, click, click.value)
    unfit = await _unfit(unfitting, click, deployment)
    if unfit is not None:
        await click.responder.say(unfit)
        return
    question = Question(
        place=click.place,
        public_id=deployment.public_id,
        request_id=uuid.uuid4().hex,
        message_ts=click.message_ts,
    )
    await modals.open(click.trigger_id, build(question, deployment.name))


def build(question: Question, name: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Delete the endpoint", 24),
        "submit": plain("Delete", 24),
        "close": plain("Cancel", 24),
        "private_metadata": question.model_dump_json(),
        "blocks": [
            section(
                f"This deletes {bold(name)} and its versions from Friendli and can't be undone."
                " Deploying the model again creates a new endpoint with another id."
            ),
            input_block(
                f"Type {clip(name, LONGEST_NAME)} to confirm",
                text_input(_NAME, max_length=LONGEST_NAME),
                block_id=_NAME,
            ),
        ],
    }


async def submitted(
    submission: ViewSubmission,
    access: DeploymentAccess,
    operations: Operations,
    unfitting: Unfitting,
    pending_responses: PendingResponses,
) -> ViewResponse:
    shown = Modal.model_validate(submission.view)
    question = Question.model_validate_json(shown.private_metadata)
    deployment = await access.find(submission, question.public_id)
    if " ".join((shown.element(_NAME).value or "").split()) != " ".join(deployment.name.split()):
        return ViewResponse(
            errors={_NAME: f"That isn't its name. Type {deployment.name} to delete it."}
        )
    await access.authorize(
        _KIND.facts.permission, submission, deployment.target_name, deployment.public_id
    )
    result = await operations.request(
        submission.place,
        submission.person,
        deployment.public_id,
        _KIND,
        question.request_id,
        message_ts=question.message_ts,
    )
    said: Body | None = None
    if result.outcome is OperationOutcome.REPEATED:
        return ViewResponse()
    if result.outcome is OperationOutcome.STALE:
        said = await _unfit(unfitting, submission, deployment, result.status)
    if said is None:
        said = answer(not_accepted(_KIND, result) or under_way(_KIND, deployment.name))
    return ViewResponse(work=await durable_response(pending_responses, submission, said))


async def _unfit(
    unfitting: Unfitting, request: Request, deployment: Deployment, status: str | None = None
) -> Body | None:
    return await unfitting.answer(
        request,
        _KIND,
        status or deployment.status,
        name=deployment.name,
        public_id=deployment.public_id,
        target=deployment.target_name,
    )


FEATURE = Feature(clicks={_KIND.action_id: clicked}, submissions={CALLBACK_ID: submitted})
