"""Checks periodically whether Slack still accepts the bot token."""

import asyncio

import structlog

from bot.slack.clients import SlackClients, SlackUnreachableError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Checks within `unready_after`.
CHECKS_BEFORE_AWAY = 3


class TokenCheck:
    """Whether auth.test succeeds.

    Args:
        unready_after: Seconds of failures without a success after which Slack counts as away. A
            single failure never does.
    """

    def __init__(self, clients: SlackClients, *, unready_after: float) -> None:
        self._clients = clients
        self._unready_after = unready_after
        self._failing_since: float | None = None
        self.is_well = True

    async def check(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            await self._clients.granted_scopes()
        except SlackUnreachableError as error:
            since = self._failing_since = self._failing_since or now
            if self.is_well and now - since >= self._unready_after:
                self.is_well = False
                log.warning("Slack refuses the bot token or doesn't answer", error=error.error)
        else:
            if not self.is_well:
                log.info("Slack accepts the bot token again")
            self._failing_since = None
            self.is_well = True
