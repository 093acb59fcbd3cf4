"""The status message with the cost so far, for one person."""

from bot.domain.deployment_state import NEVER_BILLED
from bot.domain.deployment_view import DeploymentView
from bot.domain.spend import Spend
from bot.messages.blocks import context
from bot.messages.body import Body, body
from bot.messages.markup import duration
from bot.messages.status_message import root

ESTIMATED = (
    "“About” is estimated from how long it served and the price of its GPUs. What is charged stands"
    " in Friendli Suite under Billing."
)
CHARGED = "“So far” is what Friendli charged, as it said in the last minutes."


def status_summary(deployment: DeploymentView, spend: Spend) -> Body:
    # The workspace's Slack may refuse plans.
    drawn = root(deployment).without_plan()
    blocks = list(drawn.blocks)
    so_far = cost(deployment, spend)
    if so_far:
        at = len(blocks) - (blocks[-1]["type"] == "actions")
        note = CHARGED if spend.is_charged else ESTIMATED
        blocks.insert(at, context(f"{so_far}. {note}" if spend.seconds else f"{so_far}."))
    return body(drawn.text, *blocks)


def cost(deployment: DeploymentView, spend: Spend) -> str:
    """Such as "served for 2 h 5 min, about $10.42 so far"; '' of what never ran."""
    if deployment.state in NEVER_BILLED:
        return ""
    if not spend.seconds:
        return "not billed so far"
    since = " since it was followed" if deployment.is_imported else " so far"
    return f"served for {duration(spend.seconds)}, {amount(spend)}{since}"


def amount(spend: Spend) -> str:
    """Such as "about $10.42" or "$10.42 or more"; "$10.42" of what was charged."""
    if spend.dollars is None:
        return "at an unknown price"
    dollars = f"${spend.dollars:,.2f}"
    if spend.is_charged:
        return dollars
    return f"about {dollars} or more" if spend.is_least else f"about {dollars}"
