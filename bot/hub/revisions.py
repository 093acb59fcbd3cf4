"""The branches and tags of a model's repo."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.hub.client import HubClient, HubError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Revision:
    """A branch or a tag, with its commit."""

    name: str
    commit: str
    is_tag: bool = False


class Revisions:
    """Reads them from one Hub."""

    def __init__(self, hub: HubClient) -> None:
        self._hub = hub

    async def of(self, repo: str) -> Sequence[Revision] | None:
        """Branches before tags; None if the Hub doesn't show the repo or doesn't answer."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                refs = await self._hub.refs(repo)
        except (HubError, TimeoutError) as error:
            log.info("revisions not read", error=str(error) or "time-out")
            return None
        return [
            *(Revision(one.name, one.commit) for one in refs.branches),
            *(Revision(one.name, one.commit, is_tag=True) for one in refs.tags),
        ]
