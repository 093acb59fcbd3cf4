"""The buttons that give an endpoint more time."""

from datetime import datetime

from bot.domain.deployment_view import DeploymentView
from bot.messages.blocks import Block, button
from bot.messages.markup import duration

EXTEND_ACTION = "lifetime.extend"
KEEP_ACTION = "lifetime.keep"


def extend_label(deployment: DeploymentView) -> str:
    return f"Extend by {duration(deployment.lifetime_seconds or 0)}"


def extend_value(deployment: DeploymentView) -> str | None:
    """The endpoint, and the end that was shown: it is moved once. None without an end."""
    if deployment.lifetime_seconds is None or deployment.lifetime_ends_at is None:
        return None
    return f"{deployment.public_id} {in_milliseconds(deployment.lifetime_ends_at)}"


def extend(deployment: DeploymentView) -> list[Block]:
    """The button for the same time again; none without an end."""
    value = extend_value(deployment)
    if value is None:
        return []
    return [button(extend_label(deployment), EXTEND_ACTION, value=value, style="primary")]


def keep(deployment: DeploymentView) -> Block:
    return button("Remove lifetime", KEEP_ACTION, value=deployment.public_id)


def in_milliseconds(at: datetime) -> int:
    """A moment as a button's value has it."""
    return round(at.timestamp() * 1000)
