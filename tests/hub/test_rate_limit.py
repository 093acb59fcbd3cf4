"""When the Hub may be asked again."""

import pytest

from bot.hub.rate_limit import RateLimit


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {}, 0),
        (200, {"RateLimit": '"api";r=489;t=273'}, 0),
        (200, {"RateLimit": '"api";r=0;t=273'}, 273),
        (200, {"RateLimit": '"api"; r=0; t=9'}, 9),
        (429, {"RateLimit": '"api";r=0;t=60'}, 60),
        (429, {"Retry-After": "12"}, 12),
        (429, {"RateLimit": '"api";r=0;t=60', "Retry-After": "90"}, 90),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        (429, {"RateLimit": "r=x;t="}, 30),
        (429, {"Retry-After": "86400"}, 300),
    ],
)
def test_an_answer_tells_how_long_to_wait(
    status: int, headers: dict[str, str], seconds: float
) -> None:
    """Also before the first refusal; never longer than the Hub's own five minutes."""
    present = [1_000.0]
    limit = RateLimit(lambda: present[0])
    limit.heed(status, headers)
    assert limit.seconds_left == seconds
    present[0] += seconds
    assert limit.seconds_left == 0


def test_a_later_answer_never_shortens_the_wait() -> None:
    """Requests that were under way come back out of order."""
    limit = RateLimit(lambda: 0.0)
    limit.heed(429, {"Retry-After": "100"})
    limit.heed(200, {"RateLimit": '"api";r=0;t=5'})
    limit.heed(200, {"RateLimit": '"api";r=400;t=300'})
    assert limit.seconds_left == 100
