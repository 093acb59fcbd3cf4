"""Socket Mode: a websocket over which Slack sends payloads."""

import asyncio

from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.config import Settings
from bot.domain.errors import ConfigError
from bot.domain.process.startup_retry import UnreachableError
from bot.slack.calls import WORKSPACE_ERRORS
from bot.slack.clients import SlackClients, SlackUnreachableError

# With more frequent pings, a busy moment would look like a broken connection.
_MIN_PING_SECONDS = 0.5


class SocketMode:
    """One connection; the SDK reopens it.

    Args:
        pause: Seconds between attempts to connect, and between pings.
    """

    def __init__(
        self, bolt: AsyncApp, clients: SlackClients, app_token: SecretStr, *, pause: float
    ) -> None:
        self._clients = clients
        self._app_token = app_token
        self._pause = pause
        self._handler = AsyncSocketModeHandler(
            bolt,
            app_token.get_secret_value(),
            web_client=clients.posting,
            ping_interval=max(pause, _MIN_PING_SECONDS),
        )
        self._url_reset: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Open the first connection.

        Raises:
            ConfigError: Slack refuses the app token.
            UnreachableError: Slack can't be reached.
        """
        # Checked first: the SDK retries for ever with a refused token.
        try:
            self._handler.client.wss_uri = await self._clients.socket_url(self._app_token)
        except SlackUnreachableError as error:
            if error.error not in WORKSPACE_ERRORS:
                raise UnreachableError(error.error) from None
            how = Settings.model_fields["slack_app_token"].description
            problem = f"SLACK_APP_TOKEN is refused by Slack ({error.error}). {how}"
            raise ConfigError([problem]) from None
        self._url_reset = asyncio.create_task(self._reset_used_url(), name="socket")
        await self._handler.connect_async()  # type: ignore[no-untyped-call] # Bolt's own gap

    async def is_connected(self) -> bool:
        return await self._handler.client.is_connected()

    async def close(self) -> None:
        if self._url_reset is not None:
            self._url_reset.cancel()
            await asyncio.gather(self._url_reset, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call] # Bolt's own gap

    async def _reset_used_url(self) -> None:
        """Make the SDK request a new URL while it isn't connected.

        A URL is for one use, but after a failed connection the SDK retries it for ever.
        """
        client = self._handler.client
        while True:
            await asyncio.sleep(self._pause)
            if not await client.is_connected():
                client.wss_uri = None
