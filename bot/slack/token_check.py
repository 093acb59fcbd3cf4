"""Whether Slack still takes our token: asked every so often, also while nothing else is sent."""

import asyncio

import structlog

from bot.slack.workspaces import SlackUnreachableError, Workspaces

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Attempts within the time after which Slack counts as away.
CHECKS_BEFORE_AWAY = 3


class TokenCheck:
    """Follows the answers to auth.test.

    Args:
        workspaces: Slack's side.
        unready_after: Seconds of failures, with no success between them, after which Slack counts
            as away. A single failure never does.
    """

    def __init__(self, workspaces: Workspaces, *, unready_after: float) -> None:
        self._workspaces = workspaces
        self._unready_after = unready_after
        self._failing_since: float | None = None
        self.is_well = True

    async def check(self) -> None:
        """Ask once."""
        present = asyncio.get_running_loop().time()
        try:
            await self._workspaces.granted_scopes()
        except SlackUnreachableError as error:
            since = self._failing_since = self._failing_since or present
            if self.is_well and present - since >= self._unready_after:
                self.is_well = False
                log.warning("Slack refuses the bot token or doesn't answer", error=error.error)
        else:
            if not self.is_well:
                log.info("Slack takes the bot token again")
            self._failing_since = None
            self.is_well = True
