"""The wait before the next request, jittered so that rows don't come due in bursts."""

import random
from datetime import timedelta

from bot.config import Settings

_LONGEST_BACK_OFF = 60.0
# A longer Retry-After is most likely an error, and endpoints are billed unseen meanwhile.
_LONGEST_RETRY_AFTER = 3600.0


def jittered(seconds: float) -> timedelta:
    """A delay, up to 5 % shorter or longer."""
    return timedelta(seconds=seconds * random.uniform(0.95, 1.05))  # noqa: S311 - not a secret


def back_off(failures: int, settings: Settings, error: Exception | None = None) -> timedelta:
    """Twice the delay after each failure in a row, up to 60 s; the API's Retry-After, up to 1 h."""
    retry_after = getattr(error, "retry_after", None)
    if isinstance(retry_after, int | float) and retry_after > 0:
        return timedelta(seconds=min(retry_after, _LONGEST_RETRY_AFTER))
    doubled = settings.poll_seconds_transitional * 2 ** min(failures, 8)
    return jittered(min(doubled, _LONGEST_BACK_OFF))
