"""How thoroughly an endpoint was looked for."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.db.deployment_tables import Deployment
from bot.workers.reconciler import progress_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last_pass", "seconds"),
    [
        pytest.param(NOON - timedelta(seconds=7), 37, id="the time since the last pass counts"),
        pytest.param(None, 30, id="not after an outage"),
        pytest.param(NOON - timedelta(hours=9), 150, id="nor while the bot was down"),
    ],
)
def test_only_time_in_which_somebody_looked_counts(
    last_pass: datetime | None, seconds: float
) -> None:
    """Passes are counted whenever they come, and time only between two that follow each other."""
    row = Deployment(empty_passes=2, empty_seconds=30.0, empty_at=last_pass)
    progress = progress_of(row, NOON)
    assert (progress.passes, progress.seconds, progress.at) == (3, seconds, NOON)
