"""How soon a project is polled again."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.schemas import DedicatedEndpointStatus
from bot.sandbox.environment import Environment
from bot.workers.poll_result import PollResult
from bot.workers.snapshots import Watched

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("seconds_since", "is_soon"), [(None, False), (0.5, True), (31, False)])
def test_a_poll_that_may_miss_an_operation_is_repeated_soon(
    env: Environment, seconds_since: float | None, *, is_soon: bool
) -> None:
    """A list right after an operation may show the status before it, which is stable."""
    settings = env.settings()
    at = None if seconds_since is None else STARTED - timedelta(seconds=seconds_since)
    watched = Watched(1, "e", "RUNNING", None, None, at, None, None, None)
    status = DedicatedEndpointStatus.model_validate({"status": "RUNNING"})
    result = PollResult({"e": status}, 1, lists_nothing=False)
    expected = settings.poll_seconds_transitional if is_soon else settings.poll_seconds_stable
    assert result.cadence([watched], STARTED, settings) == expected
