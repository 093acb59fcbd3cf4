"""Fixed windows per caller, and the headers that tell of them.

https://huggingface.co/docs/hub/rate-limits: a bucket each for the API, file downloads ("resolvers")
and pages.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Bucket: TypeAlias = Literal["api", "resolvers", "pages"]

WINDOW_SECONDS = 300


@dataclass(slots=True)
class Limits:
    """Requests per window and caller."""

    anonymous: dict[Bucket, int]
    with_token: dict[Bucket, int]


def documented_limits() -> Limits:
    return Limits(
        anonymous={"api": 500, "resolvers": 3_000, "pages": 100},
        with_token={"api": 1_000, "resolvers": 5_000, "pages": 200},
    )


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


class RateLimiter:
    """Counts requests; `clock` returns seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._windows: dict[tuple[str | None, Bucket], _Window] = {}

    def count(self, token: str | None, bucket: Bucket) -> tuple[bool, dict[str, str]]:
        """Whether one more request is within the limit, and the response's headers."""
        now = self._clock()
        key = (token, bucket)
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(now + WINDOW_SECONDS)
        limit = (self._limits.anonymous if token is None else self._limits.with_token)[bucket]
        allowed = window.used < limit
        window.used += allowed
        wait = math.ceil(window.ends - now)
        return allowed, {
            "RateLimit": f'"{bucket}";r={limit - window.used};t={wait}',
            "RateLimit-Policy": f'"fixed window";"{bucket}";q={limit};w={WINDOW_SECONDS}',
        }
