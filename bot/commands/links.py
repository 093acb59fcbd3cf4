"""Buttons that only lead somewhere: Slack reports their clicks, and there is nothing to do."""

from bot.commands.context import DeferredTask, Services
from bot.commands.registry import Feature
from bot.messages.buttons import ActionId
from bot.slack.requests import BlockAction


async def clicked(_desk: Services, _click: BlockAction) -> DeferredTask:
    """Slack has opened the address."""
    return None


FEATURE = Feature(
    clicks={
        ActionId.OPEN: clicked,
        ActionId.MODEL_PAGE: clicked,
        ActionId.INTEGRATIONS: clicked,
    }
)
