"""Says before a click that a second person has to approve it, who may, and why."""

from decimal import Decimal

from bot.domain.grants import Rules
from bot.domain.permissions import DEFAULTS, Permission
from bot.domain.policy import Approval
from bot.messages.markup import code, money, who

_NAMED = 3


def approval_note(target: str, rules: Rules, dollars: Decimal | None) -> str:
    """Such as "`prod` needs approval above $8.00/h, by @ml-leads"; '' if nobody has to approve.

    Args:
        rules: The target's.
        dollars: Per hour at full scale; None if unknown.
    """
    policy = rules.policy
    if not policy.asks_for_approval(dollars):
        return ""
    subjects = rules.granted.get(Permission.APPROVE) or [DEFAULTS[Permission.APPROVE]]
    *first, last = [who(subject) for subject in dict.fromkeys(subjects)][:_NAMED]
    whom = f"{', '.join(first)} or {last}" if first else last
    why = ""
    if policy.approval is Approval.ABOVE:
        why = f" above {money(policy.approval_above)}"
        if dollars is None:
            why += " and for an unknown price"
    return f"{code(target)} needs approval{why}, by {whom}"
