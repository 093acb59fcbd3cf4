"""Buttons that only lead somewhere: Slack reports their clicks, and there is nothing to do."""

from bot.commands.desk import Click, Desk, Work
from bot.commands.registry import Feature
from bot.messages.buttons import ActionId


async def clicked(_desk: Desk, _click: Click) -> Work:
    """Slack has opened the address."""
    return None


FEATURE = Feature(
    clicks={
        ActionId.OPEN: clicked,
        ActionId.MODEL_PAGE: clicked,
        ActionId.INTEGRATIONS: clicked,
    }
)
