from datetime import UTC, datetime, timedelta

import pytest

from bot.db.deployment_tables import Deployment
from bot.sandbox.environment import Environment
from bot.services.lifetime import follow, notice

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = 3600
EIGHT_HOURS = timedelta(hours=8)


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(HOUR // 2, 10), (2 * HOUR, 12), (8 * HOUR, 48), (48 * HOUR, 60)]
)
def test_notice_is_a_tenth_within_bounds(env: Environment, seconds: int, minutes: int) -> None:
    """At least ten minutes, at most an hour."""
    assert notice(seconds, env.settings()) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("before", "after", "begins"),
    [
        (None, "INITIALIZING", True),
        (None, "RUNNING", True),
        (None, "FAILED", False),
        ("TERMINATED", "INITIALIZING", True),
        ("FAILED", "INITIALIZING", True),
        ("SLEEPING", "AWAKING", True),
        ("SLEEPING", "RUNNING", True),
        ("STOPPING", "RUNNING", True),
        ("TERMINATED", "A_NEW_ONE", True),
        ("RUNNING", "UPDATING", False),
        ("UPDATING", "RUNNING", False),
        ("RUNNING", "TERMINATING", False),
        ("SLEEPING", "TERMINATING", False),
        ("SLEEPING", "TERMINATED", False),
    ],
)
def test_time_begins_when_an_endpoint_comes_up(
    *, before: str | None, after: str, begins: bool
) -> None:
    """When it is made, and anew after an earlier time was over; never while it serves on."""
    deployment = Deployment(status=before, lifetime_seconds=8 * HOUR)
    follow(deployment, after, AT)
    assert deployment.lifetime_ends_at == (AT + EIGHT_HOURS if begins else None)


@pytest.mark.parametrize("status", ["SLEEPING", "FAILED", "TERMINATED"])
def test_time_that_is_over_at_rest_is_cleared(status: str) -> None:
    """What is left of it runs on: a nap gives an endpoint no more time."""
    over = Deployment(status="RUNNING", lifetime_seconds=8 * HOUR, lifetime_ends_at=AT)
    follow(over, status, AT)
    assert over.lifetime_ends_at is None
    left = Deployment(
        status="RUNNING", lifetime_seconds=8 * HOUR, lifetime_ends_at=AT + EIGHT_HOURS
    )
    follow(left, status, AT)
    left.status = status
    follow(left, "RUNNING", AT + timedelta(hours=1))
    assert left.lifetime_ends_at == AT + EIGHT_HOURS


def test_what_has_no_end_gets_none() -> None:
    """Nothing ends by itself unless somebody said so."""
    kept = Deployment(status=None)
    follow(kept, "RUNNING", AT)
    assert kept.lifetime_ends_at is None
