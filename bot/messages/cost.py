"""What an endpoint has cost so far, in words."""

from bot.domain.deployment_state import NEVER_BILLED
from bot.domain.deployment_view import DeploymentView
from bot.domain.spend import Spend
from bot.messages.markup import duration

ESTIMATED = (
    "“About” is estimated from how long it was live and the price of its GPUs. Friendli Suite shows"
    " charges under Billing."
)
CHARGED = "“So far” is what Friendli charged, read in the last minutes."


def origin(*spends: Spend) -> str:
    """Where the dollars come from, a sentence; '' if nothing ran."""
    ran = [spend for spend in spends if spend.seconds]
    if not ran:
        return ""
    return CHARGED if all(spend.is_charged for spend in ran) else ESTIMATED


def cost(deployment: DeploymentView, spend: Spend) -> str:
    """Such as "live for 2 h 5 min, about $10.42 so far"; '' of what never ran."""
    if deployment.state in NEVER_BILLED:
        return ""
    if not spend.seconds:
        return "not billed so far"
    since = " since it was followed" if deployment.is_imported else " so far"
    return f"live for {duration(spend.seconds)}, {amount(spend)}{since}"


def amount(spend: Spend) -> str:
    """Such as "about $10.42" or "$10.42 or more"; "$10.42" of what was charged."""
    if spend.dollars is None:
        return "at an unknown price"
    dollars = f"${spend.dollars:,.2f}"
    if spend.is_charged:
        return dollars
    return f"about {dollars} or more" if spend.is_least else f"about {dollars}"
