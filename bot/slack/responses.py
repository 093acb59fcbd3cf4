"""Where an answer goes: the request's response_url, the Home tab, its modal, or the channel.

A response_url works even where the bot may not post.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.actors import Actor, ChannelRef
from bot.messages.blocks import Block, section
from bot.messages.body import Body
from bot.slack.clients import SlackClients
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.requests import BlockAction, Event, Request, ViewSubmission
from bot.slack.responder import Responder

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_LONGEST_LOGGED = 500
_R = TypeVar("_R", bound=Request)


class Responses:
    """Sends answers that only the person who made the request sees."""

    def __init__(
        self,
        clients: SlackClients,
        people: People,
        modals: Modals,
        show_in_home: Callable[[ChannelRef, Actor, Body], Awaitable[bool]],
    ) -> None:
        self._clients = clients
        self._people = people
        self._modals = modals
        self._show_in_home = show_in_home

    def attach(self, request: _R) -> _R:
        return replace(request, responder=Responder(partial(self._send, request)))

    async def _send(self, request: Request, body: Body | None, *, replaces: bool) -> bool:
        if request.response_url:
            return await self._post(request, _content(request, body, replaces=replaces))
        if body is None:
            return False
        if isinstance(request, BlockAction) and request.is_in_home:
            return await self._show_in_home(request.place, request.person, body)
        if isinstance(request, BlockAction) and request.view is not None:
            return await self._modals.replace(request.view["id"], message_view(body))
        if isinstance(request, Event) and request.tab:
            return await self._show_in_home(request.place, request.person, body)
        if not isinstance(request, Event | ViewSubmission) or not request.place.channel_id:
            return False
        return await self._people.post_ephemeral(
            request.place, request.person.id, body, thread_ts=request.thread_ts
        )

    async def _post(self, request: Request, content: dict[str, object]) -> bool:
        client = AsyncWebhookClient(
            request.response_url,
            session=self._clients.session,
            retry_handlers=[
                AsyncConnectionErrorRetryHandler(),
                AsyncRateLimitErrorRetryHandler(max_retry_count=1),
            ],
        )
        try:
            answer = await client.send_dict(content)
        # slack_sdk reads the response as text, whatever it is.
        except (aiohttp.ClientError, SlackApiError, TimeoutError, OSError, ValueError) as error:
            log.warning("couldn't answer a person", error=type(error).__name__)
            return False
        if answer.status_code != 200:
            log.warning(
                "couldn't answer a person",
                status=answer.status_code,
                said=answer.body[:_LONGEST_LOGGED],
            )
        return answer.status_code == 200


def _content(request: Request, body: Body | None, *, replaces: bool) -> dict[str, object]:
    if body is None:
        return {"delete_original": True}
    content: dict[str, object] = {"response_type": "ephemeral", "replace_original": replaces}
    if request.thread_ts is not None and not replaces:
        content["thread_ts"] = request.thread_ts
    return {**content, **body.model_dump()}


def message_view(body: Body) -> dict[str, Any]:
    """A modal with only a message."""
    blocks: list[Block] = body.blocks or [section(body.text)]
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Friendli Deploy"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks,
    }
