"""What waits for a person, each with the buttons that decide it: for the Home tab."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.deployment_view import DeploymentView, OperationView
from bot.messages import lifetime_buttons, lifetime_replies, replies
from bot.messages.approvals import Proposal, proposed
from bot.messages.blocks import Block
from bot.messages.buttons import ActionId, decisions, for_root
from bot.messages.markup import mention
from bot.messages.status_message import setup, summary


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a person.

    Attributes:
        text: What it is, as mrkdwn.
        about: Small print, as mrkdwn.
        buttons: The most useful first.
    """

    deployment: DeploymentView
    text: str
    about: str
    buttons: Sequence[Block]


def approval(deployment: DeploymentView) -> Waiting:
    """A deployment that the person may approve."""
    about = f"{setup(deployment)} · requested by {mention(deployment.requester_id)}"
    return Waiting(deployment, summary(deployment), about, _decisions(for_root(deployment)))


def operation_approval(
    deployment: DeploymentView, operation: OperationView, proposal: Proposal
) -> Waiting:
    """An operation that the person may approve."""
    asked = replies.operation_asked(operation.kind, operation.cause, operation.by, waits=True)
    text = proposed(deployment, asked.body.text, proposal).body.text
    row = decisions(deployment.public_id, proposal.public_id, proposal.dollars)
    return Waiting(deployment, text, setup(deployment), _decisions(row))


def ending(deployment: DeploymentView) -> Waiting:
    """An endpoint of the person's whose lifetime is nearly over."""
    text = lifetime_replies.warning(deployment).body.text
    row = [*lifetime_buttons.extend(deployment), lifetime_buttons.keep(deployment)]
    return Waiting(deployment, text, setup(deployment), row)


def own(deployment: DeploymentView) -> Waiting:
    """A deployment of the person's that failed, or that asks which endpoint it is."""
    return Waiting(deployment, summary(deployment), setup(deployment), for_root(deployment))


def _decisions(row: Sequence[Block]) -> list[Block]:
    # Withdrawing is for the requester, in the thread.
    return [element for element in row if element["action_id"] != ActionId.WITHDRAW]
