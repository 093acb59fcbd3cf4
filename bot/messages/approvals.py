"""Words and buttons of what waits for somebody's yes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.db.acts import LEASE_KINDS, OperationKind
from bot.messages import buttons, operations
from bot.messages.blocks import actions, section
from bot.messages.body import body
from bot.messages.facts import Act, Facts
from bot.messages.markup import bold, clip, code, duration, escape, mention, moment, money
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


def proposed(facts: Facts, asked: str, proposal: Proposal) -> Reply:
    """Something is asked for that needs a yes first; `asked` says what, as mrkdwn."""
    is_lease = proposal.kind in LEASE_KINDS
    costs = "costs" if is_lease else "may then cost"
    known = proposal.dollars
    dollars = "an unknown amount" if known is None else f"up to *{money(known)}*"
    before = "Its end stays as it is until then." if is_lease else _NOT_SENT
    waits = (
        f"{bold(facts.name)} {costs} {dollars}, so this waits for approval: {proposal.approvers}"
        f" may approve it, until {moment(proposal.until)}. {before}"
    )
    row = actions(*buttons.decisions(facts.public_id, proposal.public_id, proposal.dollars))
    return Reply(body(f"{asked} {waits}", section(asked), section(waits), row), News.NEEDS_YOU)


def repriced(asked: str) -> str:
    """Introduce what is asked for, which costs more than the message showed that asked first."""
    return f"{asked} Its price has changed since."


def deployment_repriced(facts: Facts) -> Reply:
    """A deployment that waits would cost more than was shown when it was requested."""
    return say(
        f"The price of {bold(facts.name)} has changed since it was asked for. The first message of"
        " this thread shows the new one, and still waits for approval."
    )


def approved(person: str, act: Act | None = None) -> Reply:
    """Somebody said yes to a deployment, or to an operation."""
    return say(f"{mention(person)} approved {_what(act)}.")


def rejected(facts: Facts, person: str, reason: str, act: Act | None = None) -> Reply:
    """Somebody said no."""
    why = f": “{escape(clip(reason, _LONGEST_REASON))}”." if reason else "."
    return _over(facts, f"{mention(person)} rejected {_what(act)}{why}", act)


def expired(facts: Facts, waited: float, act: Act | None = None) -> Reply:
    """Nobody decided in time."""
    return _over(facts, f"Nobody approved {_what(act)} within {duration(waited)}.", act)


def target_gone(
    facts: Facts, person: str, act: Act | None = None, *, leads_elsewhere: bool
) -> Reply:
    """The target was disconnected, or leads to another project from now on."""
    where = code(facts.target_name)
    what = f"connected {where} to another project" if leads_elsewhere else f"disconnected {where}"
    return _over(facts, f"{mention(person)} {what}, so this can't be approved any more.", act)


def withdrawn(person: str, act: Act | None = None) -> Reply:
    """Whoever asked doesn't want it any more."""
    what = "it" if act is None else "the request"
    return say(f"{mention(person)} withdrew {what}. {_so(act)}")


def _what(act: Act | None) -> str:
    return "it" if act is None else f"what {mention(act.by)} asked for"


def _so(act: Act | None) -> str:
    return "Nothing was made." if act is None else operations.WORDS[act.kind].else_true


def _over(facts: Facts, why: str, act: Act | None) -> Reply:
    text = f"{why} {_so(act)}"
    again = [] if act is not None else [actions(buttons.try_again(facts))]
    return Reply(body(text, section(text), *again), News.FAILED)
