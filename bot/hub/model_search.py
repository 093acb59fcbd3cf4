"""Searches the Hub while a person types, within Slack's time limit and the Hub's."""

import asyncio
import time
from collections.abc import Callable

import structlog

from bot.domain.model_facts import Gate, ModelSummary
from bot.hub.answer_cache import AnswerCache
from bot.hub.client import HubClient, HubError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MOST = 30
_KEPT_SECONDS = 300.0
_FAILED_SECONDS = 5.0
_MOST_KEPT = 1_000
_LONGEST = 100
# Who types on within this time doesn't want the answer any more.
_PAUSE_SECONDS = 0.15
_MOST_TYPISTS = 1_000

Found = tuple[ModelSummary, ...]


class ModelSearch:
    """Searches models of one Hub; `clock` returns seconds."""

    def __init__(self, hub: HubClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        # The inner None: the Hub didn't answer.
        self._searches: AnswerCache[str, tuple[Found | None]] = AnswerCache(
            self._ask,
            keep=lambda _, found: _FAILED_SECONDS if found[0] is None else _KEPT_SECONDS,
            most=_MOST_KEPT,
            clock=clock,
        )
        self._newest: dict[str, object] = {}

    def cached(self, text: str) -> Found | None:
        """What is known without asking the Hub: also from a shorter search that found few."""
        key = _key(text)
        known = self._searches.cached(key)
        if known is not None:
            return known[0]
        for length in range(len(key) - 1, 0, -1):
            shorter = self._searches.cached(key[:length])
            if shorter is not None and shorter[0] is not None and len(shorter[0]) < MOST:
                words = key.split()
                return tuple(
                    model
                    for model in shorter[0]
                    if all(word in model.repo.casefold() for word in words)
                )
        return None

    async def find(self, text: str, *, typist: str, within: float) -> Found | None:
        """The most downloaded models whose names contain the words.

        None if the Hub doesn't answer within so many seconds, or the typist types on.
        """
        known = self.cached(text)
        if known is not None:
            return known
        turn = self._newest[typist] = object()
        while len(self._newest) > _MOST_TYPISTS:
            del self._newest[next(iter(self._newest))]
        await asyncio.sleep(_PAUSE_SECONDS)
        if self._newest.get(typist) is not turn:
            return None
        del self._newest[typist]
        try:
            return (await self._searches.get(_key(text), within=within))[0]
        except TimeoutError:
            return None

    async def close(self) -> None:
        await self._searches.close()

    async def _ask(self, text: str) -> tuple[Found | None]:
        try:
            found = await self._hub.search(text, MOST)
        except HubError as error:
            log.info("models not searched", error=str(error))
            return (None,)
        return (
            tuple(
                ModelSummary(
                    repo=each.id,
                    parameters=each.safetensors.total if each.safetensors else None,
                    downloads=each.downloads,
                    gated=each.gated is not Gate.NONE,
                    pipeline=each.pipeline_tag,
                    library=each.library_name,
                )
                for each in found
            ),
        )


def _key(text: str) -> str:
    return " ".join(text.casefold().split())[:_LONGEST]
