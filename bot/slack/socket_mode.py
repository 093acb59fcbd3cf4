"""Socket Mode: a websocket of ours over which Slack sends commands and clicks."""

import asyncio

from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.config import Settings
from bot.domain.errors import ConfigError
from bot.domain.process.startup_retry import UnreachableError
from bot.slack.calls import WORKSPACE_ERRORS, Failure, attempt
from bot.slack.workspaces import Workspaces

# apps.connections.open answers with these when the token, or what it may do, is wrong.
_REFUSALS = WORKSPACE_ERRORS | {"not_allowed_token_type", "missing_scope"}

# With more pings than this, a busy moment would pass for a broken connection.
_LEAST_PING_SECONDS = 0.5


class SocketMode:
    """One connection, which the SDK opens anew when it breaks or Slack asks for it.

    Args:
        bolt: Takes what arrives.
        workspaces: Slack's side.
        app_token: Opens connections.
        pause: Seconds between attempts to connect, and between pings.
    """

    def __init__(
        self, bolt: AsyncApp, workspaces: Workspaces, app_token: SecretStr, *, pause: float
    ) -> None:
        self._workspaces = workspaces
        self._app_token = app_token
        self._pause = pause
        self._handler = AsyncSocketModeHandler(
            bolt,
            app_token.get_secret_value(),
            web_client=workspaces.posting,
            ping_interval=max(pause, _LEAST_PING_SECONDS),
        )
        self._watching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Open the first connection.

        Raises:
            ConfigError: Slack refuses the app token.
            NotReachedError: Slack can't be reached.
        """
        # The SDK tries for ever with a token that is refused, so it is asked about first.
        answer = await attempt(
            self._workspaces.posting.apps_connections_open(
                app_token=self._app_token.get_secret_value()
            )
        )
        if isinstance(answer, Failure):
            if answer.error not in _REFUSALS:
                raise UnreachableError(answer.error)
            how = Settings.model_fields["slack_app_token"].description
            problem = f"SLACK_APP_TOKEN is refused by Slack ({answer.error}). {how}"
            raise ConfigError([problem])
        self._handler.client.wss_uri = str(answer["url"])
        self._watching = asyncio.create_task(self._forget_used_tickets(), name="socket")
        await self._handler.connect_async()  # type: ignore[no-untyped-call] # Bolt's own gap

    async def is_connected(self) -> bool:
        """Whether Slack can reach us."""
        return await self._handler.client.is_connected()

    async def close(self) -> None:
        """Take nothing any more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call] # Bolt's own gap

    async def _forget_used_tickets(self) -> None:
        """Have the SDK ask for a new address when the one that it has doesn't work.

        An address holds a ticket for one use. When connecting fails after that use, the SDK tries
        the same address for ever.
        """
        client = self._handler.client
        while True:
            await asyncio.sleep(self._pause)
            if not await client.is_connected():
                client.wss_uri = None
