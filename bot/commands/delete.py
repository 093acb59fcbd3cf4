"""Delete an endpoint for good: a modal that asks for its name first."""

import uuid
from typing import Any

from pydantic import BaseModel

from bot.commands.context import DeferredTask, Services, ViewResponse, own
from bot.commands.modal_state import Modal
from bot.commands.operation_buttons import unknown_endpoint, what_instead
from bot.commands.pending_response import answer_surely_ephemeral
from bot.commands.registry import Feature
from bot.db.deployment_tables import Deployment
from bot.domain.actors import ChannelRef
from bot.domain.operations import OperationKind
from bot.domain.request.draft import LONGEST_NAME
from bot.domain.text import clip
from bot.messages.blocks import input_block, plain, section, text_input
from bot.messages.markup import bold
from bot.services.operations import OperationOutcome
from bot.slack.requests import BlockAction, ViewSubmission

CALLBACK_ID = "delete"
_NAME = "name"
_KIND = OperationKind.DELETE


class Question(BaseModel):
    """What the modal is about.

    Attributes:
        request_id: One-use: the same modal, submitted again, does nothing.
        message_ts: Of the message whose button opened it.
    """

    place: ChannelRef
    public_id: str
    request_id: str
    message_ts: str = ""


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Open the modal."""
    return _open(services, click)


async def _open(services: Services, click: BlockAction) -> None:
    deployment = await services.deployments.find(click.place, click.value)
    if deployment is None:
        raise unknown_endpoint()
    await ask(services, click, deployment)


async def ask(services: Services, click: BlockAction, deployment: Deployment) -> None:
    """Open the modal about a deployment of the place that was clicked in."""
    await services.authorizer.authorize(
        _KIND.facts.permission,
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
    )
    question = Question(
        place=click.place,
        public_id=deployment.public_id,
        request_id=uuid.uuid4().hex,
        message_ts=click.message_ts,
    )
    await services.modals.open(click.trigger_id, build(question, deployment.name))


def build(question: Question, name: str) -> dict[str, Any]:
    """Ask for the name."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Delete the endpoint", 24),
        "submit": plain("Delete", 24),
        "close": plain("Keep it", 24),
        "private_metadata": question.model_dump_json(),
        "blocks": [
            section(
                f"{bold(name)} is deleted from Friendli with its versions. This can't be undone;"
                " deploying the model again makes a new endpoint with another id."
            ),
            input_block(
                f"Type {clip(name, LONGEST_NAME)} to confirm",
                text_input(_NAME, max_length=LONGEST_NAME),
                block_id=_NAME,
            ),
        ],
    }


async def submitted(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Write the wish down if the name is right."""
    shown = Modal.model_validate(submission.view)
    question = Question.model_validate_json(shown.private_metadata)
    place = own(question.place, submission)
    deployment = await services.deployments.find(place, question.public_id)
    if deployment is None:
        raise unknown_endpoint()
    if " ".join((shown.element(_NAME).value or "").split()) != " ".join(deployment.name.split()):
        return ViewResponse(
            errors={_NAME: f"That isn't its name. Type {deployment.name}, or keep it."}
        )
    await services.authorizer.authorize(
        _KIND.facts.permission,
        submission.person,
        place,
        target=deployment.target_name,
        about=deployment.public_id,
    )
    asked = await services.operations.ask(
        place,
        submission.person,
        deployment.public_id,
        _KIND,
        question.request_id,
        message_ts=question.message_ts,
    )
    words = what_instead(_KIND, asked)
    if words is None or asked.outcome is OperationOutcome.REPEATED:
        return ViewResponse()
    return ViewResponse(
        work=await answer_surely_ephemeral(services, place, submission.person, words)
    )


FEATURE = Feature(clicks={_KIND.action_id: clicked}, submissions={CALLBACK_ID: submitted})
