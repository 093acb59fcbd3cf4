"""How often an endpoint that Friendli doesn't list any more is looked at."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from bot.config import Settings
from bot.workers.snapshots import Watched
from bot.workers.unlisted_endpoint import changes_row, pause

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = cast(
    "Settings",
    SimpleNamespace(poll_seconds_stable=60, gone_confirmed_after=60, late_search_window=86400),
)


def missing(*, is_told: bool = True) -> Watched:
    return Watched(1, "dep", "RUNNING", None, None, None, NOON, None, NOON if is_told else None)


@pytest.mark.parametrize(
    ("after", "seconds"), [(60, 60), (600, 60), (1200, 120), (36000, 3600), (80000, 3600)]
)
def test_it_is_looked_at_ever_more_rarely(after: float, seconds: float) -> None:
    """A tenth of the time that it has been missing, an hour at most."""
    assert pause(missing(), NOON + timedelta(seconds=after), SETTINGS) == seconds


@pytest.mark.parametrize(
    ("after", "is_told", "news"),
    [(59, False, False), (60, False, True), (3600, True, False), (86400, True, True)],
)
def test_it_is_told_when_certain_and_when_over(after: float, *, is_told: bool, news: bool) -> None:
    """After a minute, and after a day; in between a poll writes nothing."""
    assert changes_row(missing(is_told=is_told), NOON + timedelta(seconds=after), SETTINGS) is news
