"""The options of the deploy form's model field, within Slack's three seconds."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.commands.registry import Feature
from bot.domain.actors import ChannelRef
from bot.hub.model_search import ModelSearch
from bot.messages import model_options
from bot.messages.blocks import Block
from bot.services.recent_models import RecentModels, Recents
from bot.slack.requests import OptionsRequest

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

ACTION_ID = "deploy.model"
# Slack waits for three seconds, and a phone's network takes some of them.
_HUB_SECONDS = 1.3
_DATABASE_SECONDS = 1.0


async def suggest(
    request: OptionsRequest, recent_models: RecentModels, search: ModelSearch
) -> Sequence[Block]:
    """What was typed, recent models and those of the Hub; without the Hub if it is slow."""
    typed = " ".join(request.typed.split())
    view_id = str(request.view["id"]) if request.view else request.person.id
    if typed:
        recent, found = await asyncio.gather(
            _recent(recent_models, request.place),
            search.find(typed, typist=view_id, within=_HUB_SECONDS),
        )
    else:
        recent, found = await _recent(recent_models, request.place), None
        if not recent.models:
            found = await search.find("", typist=view_id, within=_HUB_SECONDS)
    return model_options.options(typed, recent.models, found or (), recent.at)


async def _recent(recent_models: RecentModels, place: ChannelRef) -> Recents:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await recent_models.of(place)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("no recent models", error=type(error).__name__)
        return Recents((), datetime.now(UTC))


FEATURE = Feature(suggestions={ACTION_ID: suggest})
