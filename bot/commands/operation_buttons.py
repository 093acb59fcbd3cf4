"""The buttons of operations whose click is enough."""

from functools import partial
from typing import assert_never

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.registry import DeferredTask, Feature
from bot.domain.operations import Confirmation, OperationFacts, OperationKind, operations_that
from bot.domain.price_limit import agreed_price
from bot.domain.process.slash_command import SLASH
from bot.messages import price_confirmation
from bot.messages.answer import answer
from bot.messages.blocks import button
from bot.messages.markup import mention
from bot.messages.preview import CANCEL_ACTION
from bot.messages.questions import under_way, unfit
from bot.services.operations import OperationOutcome, OperationResult, Operations
from bot.services.pending_responses import PendingResponses
from bot.slack.requests import BlockAction

UNCONNECTED = (
    "Its target was disconnected here, so nothing that costs money is done. An admin can connect it"
    f" again with `{SLASH} connect`."
)


async def clicked(
    click: BlockAction,
    access: DeploymentAccess,
    operations: Operations,
    pending_responses: PendingResponses,
    *,
    kind: OperationKind,
) -> DeferredTask:
    """Write the request before Slack is acknowledged: some operations cost money.

    The thread shows the effect; only what keeps it from happening is answered here.
    """
    public_id, _, agreed = click.value.partition(" ")
    deployment = await access.require(kind.facts.permission, click, public_id, operation=kind)
    result = await operations.request(
        click.place,
        click.person,
        deployment.public_id,
        kind,
        click.trigger_id,
        message_ts=click.message_ts,
        agreed=agreed_price(agreed),
    )
    if result.outcome is OperationOutcome.UNCONFIRMED:
        question = price_confirmation.question(
            deployment.name,
            result.dollars,
            kind.capitalize(),
            kind.action_id,
            f"{deployment.public_id} {result.dollars:f}",
            [button("Cancel", CANCEL_ACTION)],
        )
        return await durable_response(
            pending_responses, click, question, replaces=click.is_ephemeral
        )
    words = not_accepted(kind, result)
    if click.is_ephemeral:
        # The answer replaces the question.
        words = words or under_way(kind, deployment.name, waits=result.waits)
    if words is None:
        return None
    return await durable_response(
        pending_responses, click, answer(words), replaces=click.is_ephemeral
    )


def not_accepted(kind: OperationKind, result: OperationResult) -> str | None:
    """Why nothing was done, as mrkdwn; None if it was accepted, or known already."""
    match result.outcome:
        case OperationOutcome.IN_FLIGHT:
            by = mention(result.by) if result.by else "Someone"
            return f"{by} already requested this; see the thread."
        case OperationOutcome.STALE:
            return f"It {unfit(kind, result.status)}."
        case OperationOutcome.UNCONNECTED:
            return UNCONNECTED
        case OperationOutcome.GONE:
            return "It has ended or isn't watched from here any more, so nothing was done."
        case _:
            return None


def _is_done_at_once(facts: OperationFacts) -> bool:
    if facts.command is None:
        return False
    match facts.command.confirmation:
        case Confirmation.NONE | Confirmation.PRICE | Confirmation.WARNING:
            return True
        case Confirmation.TYPED_NAME:
            return False
        case _ as unknown:
            assert_never(unknown)


FEATURE = Feature(
    clicks={
        kind.action_id: partial(clicked, kind=kind) for kind in operations_that(_is_done_at_once)
    }
)
