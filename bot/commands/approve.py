"""The buttons of a proposal: Approve, Reject with a reason, and Withdraw."""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.modal_state import Modal
from bot.commands.registry import DeferredTask, Feature, ViewResponse, deferred
from bot.db.deployment_tables import Deployment
from bot.domain.actors import ChannelRef
from bot.domain.permissions import Permission
from bot.messages.answer import answer
from bot.messages.blocks import input_block, plain, section, text_input
from bot.messages.buttons import ActionId
from bot.messages.markup import bold, mention
from bot.services.approvals import Approvals
from bot.services.pending_responses import PendingResponses
from bot.services.proposals import Decision, ProposalStatus
from bot.slack.modals import Modals
from bot.slack.requests import BlockAction, Request, ViewSubmission

CALLBACK_ID = "reject"
_REASON = "reason"
_LONGEST_REASON = 500


class Rejection(BaseModel):
    """The modal's state.

    Attributes:
        value: The button's.
        message_ts: The button's message.
    """

    place: ChannelRef
    value: str
    message_ts: str


async def approved(
    click: BlockAction,
    access: DeploymentAccess,
    approvals: Approvals,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Write the approval before Slack is acknowledged: it spends money."""
    await _require(access, Permission.APPROVE, click, click.value)
    decision = await approvals.approve(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    return await _respond(pending_responses, click, decision)


@deferred
async def rejecting(
    click: BlockAction, access: DeploymentAccess, approvals: Approvals, modals: Modals
) -> None:
    deployment = await _require(access, Permission.APPROVE, click, click.value)
    decision = await approvals.status_of(click.place, click.value)
    if decision.status is not ProposalStatus.OPEN:
        await click.responder.say(answer(_words(decision)))
        return
    rejection = Rejection(place=click.place, value=click.value, message_ts=click.message_ts)
    await modals.open(click.trigger_id, build(rejection, deployment.name))


def build(rejection: Rejection, name: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Reject the request", 24),
        "submit": plain("Reject", 24),
        "close": plain("Back", 24),
        "private_metadata": rejection.model_dump_json(),
        "blocks": [
            section(f"Reject {bold(name)}? The requester sees your reason in the thread."),
            input_block(
                "Reason",
                text_input(_REASON, max_length=_LONGEST_REASON),
                block_id=_REASON,
                hint="The requester sees it in the thread.",
            ),
        ],
    }


async def rejected(
    submission: ViewSubmission,
    access: DeploymentAccess,
    approvals: Approvals,
    pending_responses: PendingResponses,
) -> ViewResponse:
    shown = Modal.model_validate(submission.view)
    rejection = Rejection.model_validate_json(shown.private_metadata)
    reason = (shown.element(_REASON).value or "").strip()
    if not reason:
        return ViewResponse(errors={_REASON: "Write a short reason."})
    submission = replace(submission, message_ts=rejection.message_ts)
    await _require(access, Permission.APPROVE, submission, rejection.value)
    decision = await approvals.reject(
        submission.place,
        submission.person,
        rejection.value,
        reason,
        message_ts=rejection.message_ts,
    )
    return ViewResponse(work=await _respond(pending_responses, submission, decision))


async def withdrawn(
    click: BlockAction,
    access: DeploymentAccess,
    approvals: Approvals,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Withdraw a proposal: its requester always may, and so may those who end endpoints."""
    if await approvals.requested_by(click.place, click.value) != click.person.id:
        await _require(access, Permission.TERMINATE, click, click.value)
    decision = await approvals.withdraw(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    return await _respond(pending_responses, click, decision)


async def _require(
    access: DeploymentAccess, permission: Permission, request: Request, value: str
) -> Deployment:
    return await access.require(permission, request, value.partition(" ")[0])


async def _respond(
    pending_responses: PendingResponses, request: Request, decision: Decision
) -> DeferredTask:
    """Explain why nothing was decided; a decision shows in the thread."""
    if decision.status is ProposalStatus.DECIDED:
        return None
    return await durable_response(pending_responses, request, answer(_words(decision)))


def _words(decision: Decision) -> str:
    match decision.status:
        case ProposalStatus.OWN:
            return (
                "You requested this yourself, so someone else has to approve it:"
                f" {decision.approvers} can."
            )
        case ProposalStatus.REPRICED:
            return (
                "The price has changed since this message was posted, so nothing was approved."
                " Decide on the new price in the thread."
            )
        case ProposalStatus.APPROVED:
            return f"{mention(decision.by)} already approved it; see the thread."
        case ProposalStatus.REJECTED:
            return f"{mention(decision.by)} already rejected it; the reason is in the thread."
        case ProposalStatus.EXPIRED:
            return "The request has expired, so nothing was done."
        case ProposalStatus.WITHDRAWN:
            return "The request was withdrawn, so nothing was done."
        case _:
            return "There is nothing left to decide here; see the thread."


FEATURE = Feature(
    clicks={
        ActionId.APPROVE: approved,
        ActionId.REJECT: rejecting,
        ActionId.WITHDRAW: withdrawn,
    },
    submissions={CALLBACK_ID: rejected},
)
