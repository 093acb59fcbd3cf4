"""The buttons of what waits for approval: Approve, Reject with a reason, and Withdraw."""

from typing import Any

from pydantic import BaseModel

from bot.commands.context import DeferredTask, Services, ViewResponse, answer, own
from bot.commands.modal_state import Modal
from bot.commands.operation_buttons import unknown_endpoint
from bot.commands.pending_response import answer_surely, answer_surely_ephemeral
from bot.commands.registry import Feature
from bot.db.deployment_tables import Deployment
from bot.domain.actors import Actor, ChannelRef
from bot.domain.permissions import Permission
from bot.messages.blocks import input_block, plain, section, text_input
from bot.messages.buttons import ActionId
from bot.messages.markup import bold, mention
from bot.services.proposals import Decision, ProposalStatus
from bot.slack.requests import BlockAction, ViewSubmission

CALLBACK_ID = "reject"
_REASON = "reason"
_LONGEST_REASON = 500


class Rejection(BaseModel):
    """What the modal is about.

    Attributes:
        value: The button's.
        message_ts: Of the message that the button stands in.
    """

    place: ChannelRef
    value: str
    message_ts: str


async def approved(services: Services, click: BlockAction) -> DeferredTask:
    """Write the yes down, before Slack is acknowledged: it spends money."""
    await _authorize(services, click.person, click.place, click.value, click.message_ts)
    ruling = await services.approvals.approve(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    if ruling.standing is ProposalStatus.DECIDED:
        return None
    return await answer_surely(services, click, _so(ruling))


async def rejecting(services: Services, click: BlockAction) -> DeferredTask:
    """Ask for the reason, if there is something left to reject."""
    return _ask(services, click)


async def _ask(services: Services, click: BlockAction) -> None:
    deployment = await _authorize(
        services, click.person, click.place, click.value, click.message_ts
    )
    ruling = await services.approvals.standing(click.place, click.value)
    if ruling.standing is not ProposalStatus.OPEN:
        await _say(services, click, ruling)
        return
    rejection = Rejection(place=click.place, value=click.value, message_ts=click.message_ts)
    await services.modals.open(click.trigger_id, build(rejection, deployment.name))


def build(rejection: Rejection, name: str) -> dict[str, Any]:
    """Ask why it is rejected."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Reject the request", 24),
        "submit": plain("Reject", 24),
        "close": plain("Back", 24),
        "private_metadata": rejection.model_dump_json(),
        "blocks": [
            section(f"What was asked for about {bold(name)} isn't done, and the thread says why."),
            input_block(
                "Reason",
                text_input(_REASON, max_length=_LONGEST_REASON),
                block_id=_REASON,
                hint="Whoever asked reads it in the thread.",
            ),
        ],
    }


async def rejected(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Write the no down."""
    shown = Modal.model_validate(submission.view)
    rejection = Rejection.model_validate_json(shown.private_metadata)
    place = own(rejection.place, submission)
    reason = (shown.element(_REASON).value or "").strip()
    if not reason:
        return ViewResponse(errors={_REASON: "Say why, in a few words."})
    await _authorize(services, submission.person, place, rejection.value, rejection.message_ts)
    ruling = await services.approvals.reject(
        place, submission.person, rejection.value, reason, message_ts=rejection.message_ts
    )
    if ruling.standing is ProposalStatus.DECIDED:
        return ViewResponse()
    return ViewResponse(
        work=await answer_surely_ephemeral(services, place, submission.person, _so(ruling))
    )


async def withdrawn(services: Services, click: BlockAction) -> DeferredTask:
    """Take it back: whoever asked may always, and so may those who end endpoints."""
    if await services.approvals.requested_by(click.place, click.value) != click.person.id:
        await _authorize(
            services, click.person, click.place, click.value, click.message_ts, Permission.TERMINATE
        )
    ruling = await services.approvals.withdraw(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    if ruling.standing is ProposalStatus.DECIDED:
        return None
    return await answer_surely(services, click, _so(ruling))


async def _authorize(
    services: Services,
    person: Actor,
    place: ChannelRef,
    value: str,
    message_ts: str,
    permission: Permission = Permission.APPROVE,
) -> Deployment:
    deployment = await services.deployments.find(place, value.partition(" ")[0])
    if deployment is None:
        raise unknown_endpoint()
    await services.authorizer.authorize(
        permission,
        person,
        place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=message_ts,
    )
    return deployment


async def _say(services: Services, click: BlockAction, ruling: Decision) -> None:
    said = answer(_so(ruling))
    await services.responses.say(click.response_url, said, thread_ts=click.thread_ts)


def _so(ruling: Decision) -> str:
    """What is true, instead of what was wanted."""
    match ruling.standing:
        case ProposalStatus.OWN:
            return (
                "You asked for this yourself, so somebody else has to approve it:"
                f" {ruling.approvers} may."
            )
        case ProposalStatus.REPRICED:
            return (
                "Its price has changed since this message was made, so nothing was approved. The"
                " thread shows what it costs now; decide there."
            )
        case ProposalStatus.APPROVED:
            return f"{mention(ruling.by)} approved it already; the thread tells how it goes."
        case ProposalStatus.REJECTED:
            return f"{mention(ruling.by)} rejected it already; the thread says why."
        case ProposalStatus.EXPIRED:
            return "Its time to be approved is over; nothing was done."
        case ProposalStatus.WITHDRAWN:
            return "It was withdrawn; nothing was done."
        case _:
            return "There is nothing left to decide here; the thread says how it stands."


FEATURE = Feature(
    clicks={
        ActionId.APPROVE: approved,
        ActionId.REJECT: rejecting,
        ActionId.WITHDRAW: withdrawn,
    },
    submissions={CALLBACK_ID: rejected},
)
