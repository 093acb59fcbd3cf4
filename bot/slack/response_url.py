"""Answer a person through a response_url: works even where the bot may not post."""

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.messages.body import Body
from bot.slack.clients import SlackClients

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_LONGEST_SAID = 500


class ResponseUrls:
    """Sends answers that only the person who asked sees."""

    def __init__(self, clients: SlackClients) -> None:
        self._clients = clients

    async def say(self, response_url: str, body: Body, *, thread_ts: str | None = None) -> bool:
        """Show a new message to the person. Returns whether Slack took it."""
        content: dict[str, object] = {"response_type": "ephemeral", "replace_original": False}
        if thread_ts is not None:
            content["thread_ts"] = thread_ts
        return await self._send(response_url, {**content, **body.model_dump()})

    async def replace(self, response_url: str, body: Body) -> bool:
        """Put this in place of the message whose button was clicked."""
        return await self._send(
            response_url,
            {"response_type": "ephemeral", "replace_original": True, **body.model_dump()},
        )

    async def remove(self, response_url: str) -> bool:
        """Take away the message whose button was clicked."""
        return await self._send(response_url, {"delete_original": True})

    async def _send(self, response_url: str, content: dict[str, object]) -> bool:
        client = AsyncWebhookClient(
            response_url,
            session=self._clients.session,
            retry_handlers=[
                AsyncConnectionErrorRetryHandler(),
                AsyncRateLimitErrorRetryHandler(max_retry_count=1),
            ],
        )
        try:
            answer = await client.send_dict(content)
        # slack_sdk reads the answer as text, whatever it is.
        except (aiohttp.ClientError, SlackApiError, TimeoutError, OSError, ValueError) as error:
            log.warning("couldn't answer a person", error=type(error).__name__)
            return False
        if answer.status_code != 200:
            log.warning(
                "couldn't answer a person",
                status=answer.status_code,
                said=answer.body[:_LONGEST_SAID],
            )
        return answer.status_code == 200
