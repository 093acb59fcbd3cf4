"""Checks models on the Hub within a time limit, and remembers the results."""

import time
from collections.abc import Callable

from bot.domain.model_facts import (
    DEFAULT_BRANCH,
    CheckedModel,
    MissingModel,
    ModelFacts,
    NotChecked,
    is_commit,
)
from bot.hub.answer_cache import AnswerCache
from bot.hub.client import HubClient
from bot.hub.inspection import inspect

# A commit never changes; a branch may move at any time, and what is missing may be made public.
_COMMIT_SECONDS = 30 * 24 * 3600.0
_BRANCH_SECONDS = 120.0
_MISSING_SECONDS = 60.0
_NOT_CHECKED_SECONDS = 10.0
_MOST = 500

TOO_SLOW = NotChecked(why="the Hub doesn't answer in time")

_Key = tuple[str, str]


class ModelChecks:
    """Checks models of one Hub; `clock` returns seconds."""

    def __init__(self, hub: HubClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._checks: AnswerCache[_Key, CheckedModel] = AnswerCache(
            self._inspect, keep=_seconds, most=_MOST, clock=clock
        )

    def cached(self, repo: str, revision: str | None) -> CheckedModel | None:
        """What is known without asking the Hub; None if nothing is."""
        return self._checks.cached((repo, revision or DEFAULT_BRANCH))

    async def check(self, repo: str, revision: str | None, *, within: float) -> CheckedModel:
        """Check a model at a branch, tag or commit within so many seconds."""
        try:
            return await self._checks.get((repo, revision or DEFAULT_BRANCH), within=within)
        except TimeoutError:
            return TOO_SLOW

    async def close(self) -> None:
        await self._checks.close()

    async def _inspect(self, key: _Key) -> CheckedModel:
        checked = await inspect(self._hub, *key)
        if isinstance(checked, ModelFacts) and checked.is_complete:
            self._checks.put((key[0], checked.commit), checked)
        return checked


def _seconds(key: _Key, checked: CheckedModel) -> float:
    if isinstance(checked, NotChecked):
        return _NOT_CHECKED_SECONDS
    if isinstance(checked, MissingModel):
        return _MISSING_SECONDS
    if not checked.is_complete:
        return _MISSING_SECONDS
    return _COMMIT_SECONDS if is_commit(key[1]) else _BRANCH_SECONDS
