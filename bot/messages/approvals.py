"""Words and buttons of what waits for somebody's yes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.deployment_view import DeploymentView, OperationView
from bot.domain.operations import Mechanism, OperationKind
from bot.domain.text import clip
from bot.messages import buttons
from bot.messages.blocks import actions, section
from bot.messages.body import body
from bot.messages.markup import bold, code, duration, escape, mention, moment, money
from bot.messages.reply import News, Reply, say

_LONGEST_REASON = 500
_NOT_SENT = "Nothing is sent to Friendli before."


@dataclass(frozen=True, slots=True)
class Proposal:
    """An operation that waits.

    Attributes:
        public_id: Of the operation.
        kind: Of the operation.
        approvers: Who may approve it, as mrkdwn.
        until: How long it waits.
        dollars: An hour, of the endpoint at full scale once it is done; None if that isn't known.
    """

    public_id: str
    kind: OperationKind
    approvers: str
    until: datetime
    dollars: Decimal | None


def proposed(deployment: DeploymentView, asked: str, proposal: Proposal) -> Reply:
    """Something is asked for that needs a yes first; `asked` says what, as mrkdwn."""
    is_lifetime = proposal.kind.facts.mechanism is Mechanism.LIFETIME
    costs = "costs" if is_lifetime else "may then cost"
    known = proposal.dollars
    dollars = "an unknown amount" if known is None else f"up to *{money(known)}*"
    before = "Its end stays as it is until then." if is_lifetime else _NOT_SENT
    waits = (
        f"{bold(deployment.name)} {costs} {dollars}, so this waits for approval:"
        f" {proposal.approvers}"
        f" may approve it, until {moment(proposal.until)}. {before}"
    )
    row = actions(*buttons.decisions(deployment.public_id, proposal.public_id, proposal.dollars))
    return Reply(body(f"{asked} {waits}", section(asked), section(waits), row), News.NEEDS_YOU)


def repriced(asked: str) -> str:
    """Introduce what is asked for, which costs more than the message showed that asked first."""
    return f"{asked} Its price has changed since."


def deployment_repriced(deployment: DeploymentView) -> Reply:
    """A deployment that waits would cost more than was shown when it was requested."""
    return say(
        f"The price of {bold(deployment.name)} has changed since it was asked for. The first"
        " message of"
        " this thread shows the new one, and still waits for approval."
    )


def approved(person: str, act: OperationView | None = None) -> Reply:
    """Somebody said yes to a deployment, or to an operation."""
    return say(f"{mention(person)} approved {_what(act)}.")


def rejected(
    deployment: DeploymentView, person: str, reason: str, act: OperationView | None = None
) -> Reply:
    """Somebody said no."""
    why = f": “{escape(clip(reason, _LONGEST_REASON))}”." if reason else "."
    return _over(deployment, f"{mention(person)} rejected {_what(act)}{why}", act)


def expired(deployment: DeploymentView, waited: float, act: OperationView | None = None) -> Reply:
    """Nobody decided in time."""
    return _over(deployment, f"Nobody approved {_what(act)} within {duration(waited)}.", act)


def target_gone(
    deployment: DeploymentView,
    person: str,
    act: OperationView | None = None,
    *,
    leads_elsewhere: bool,
) -> Reply:
    """The target was disconnected, or leads to another project from now on."""
    where = code(deployment.target_name)
    what = f"connected {where} to another project" if leads_elsewhere else f"disconnected {where}"
    return _over(deployment, f"{mention(person)} {what}, so this can't be approved any more.", act)


def withdrawn(person: str, act: OperationView | None = None) -> Reply:
    """Whoever asked doesn't want it any more."""
    what = "it" if act is None else "the request"
    return say(f"{mention(person)} withdrew {what}. {_so(act)}")


def _what(act: OperationView | None) -> str:
    return "it" if act is None else f"what {mention(act.by)} asked for"


def _so(act: OperationView | None) -> str:
    return "Nothing was made." if act is None else act.kind.facts.words.else_true


def _over(deployment: DeploymentView, why: str, act: OperationView | None) -> Reply:
    text = f"{why} {_so(act)}"
    again = [] if act is not None else [actions(buttons.try_again(deployment))]
    return Reply(body(text, section(text), *again), News.FAILED)
