"""Replies and buttons of what waits for approval."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.deployment_view import ClosingNote, DeploymentView, OperationView
from bot.domain.operations import Mechanism, OperationKind
from bot.domain.statuses import WAITING_MARK
from bot.domain.text import clip
from bot.messages.blocks import section
from bot.messages.body import body
from bot.messages.markup import bold, code, duration, escape, mention, moment, money
from bot.messages.reply import News, Reply, say

_LONGEST_REASON = 500
_NOT_SENT = "Nothing is sent to Friendli until then."


@dataclass(frozen=True, slots=True)
class Proposal:
    """An operation that waits for approval.

    Attributes:
        public_id: Of the operation.
        approvers: mrkdwn.
        until: When it expires.
        dollars: Per hour at full scale once it is done; None if unknown.
    """

    public_id: str
    kind: OperationKind
    approvers: str
    until: datetime
    dollars: Decimal | None


def proposed(deployment: DeploymentView, asked: str, proposal: Proposal) -> Reply:
    """Say that a request waits; `asked` is the request, as mrkdwn. The status message decides."""
    is_lifetime = proposal.kind.facts.mechanism is Mechanism.LIFETIME
    before = "Its lifetime stays as it is until then." if is_lifetime else _NOT_SENT
    waits = (
        f"{bold(deployment.name)} {costs_at_most(proposal.kind, proposal.dollars)}, so this waits"
        f" for approval: {proposal.approvers} can approve {moment(proposal.until, lead='until ')}."
    )
    # Below what has lines of its own, such as what an update changes.
    joint = "\n" if "\n" in asked else " "
    return say(f"{WAITING_MARK} {asked}{joint}{waits} {before}", news=News.NEEDS_YOU)


def costs_at_most(kind: OperationKind, dollars: Decimal | None) -> str:
    """Completes "<name> …"."""
    costs = "costs" if kind.facts.mechanism is Mechanism.LIFETIME else "may then cost"
    return f"{costs} {'an unknown amount' if dollars is None else f'up to *{money(dollars)}*'}"


def repriced(asked: str) -> str:
    """Introduce a request whose price has risen since it was shown."""
    return f"{asked} Its price has changed since."


def deployment_repriced(deployment: DeploymentView) -> Reply:
    return say(
        f"The price of {bold(deployment.name)} has changed since the request. The first message of"
        " this thread shows the new price and still waits for approval."
    )


def approved(person: str, operation: OperationView | None = None) -> Reply:
    """Of a deployment, or of an operation."""
    return say(f"{mention(person)} approved {_what_was_asked(operation)}.")


def rejected(person: str, reason: str, operation: OperationView | None = None) -> Reply:
    why = f": “{escape(clip(reason, _LONGEST_REASON))}”." if reason else "."
    return _over(f"{mention(person)} rejected {_what_was_asked(operation)}{why}", operation)


def expired(waited: float, operation: OperationView | None = None) -> Reply:
    return _over(
        f"Nobody approved {_what_was_asked(operation)} within {duration(waited)}.",
        operation,
    )


def target_gone(
    deployment: DeploymentView,
    person: str,
    operation: OperationView | None = None,
    *,
    leads_elsewhere: bool,
) -> Reply:
    where = code(deployment.target_name)
    what = f"connected {where} to another project" if leads_elsewhere else f"disconnected {where}"
    return _over(f"{mention(person)} {what}, so this can't be approved any more.", operation)


def withdrawn(person: str, operation: OperationView | None = None) -> Reply:
    what = "it" if operation is None else "the request"
    return say(f"{mention(person)} withdrew {what}. {_else_true(operation)}")


def _what_was_asked(operation: OperationView | None) -> str:
    return "it" if operation is None else f"{mention(operation.by)}'s request"


def _else_true(operation: OperationView | None) -> str:
    return "Nothing was created." if operation is None else operation.kind.facts.words.else_true


def _over(why: str, operation: OperationView | None) -> Reply:
    """Say why it isn't done; of a deployment, on the status message too."""
    closing = ClosingNote(why) if operation is None else None
    text = f"{why} {_else_true(operation)}"
    return Reply(body(text, section(text)), News.FAILED, closing)
