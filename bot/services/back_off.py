"""How long to wait before the next request: jittered, so that rows don't clump into bursts."""

import random
from datetime import timedelta

from bot.config import Settings

_LONGEST_BACK_OFF = 60.0
# Whoever asks for more has most likely sent nonsense, and endpoints are billed unseen meanwhile.
_LONGEST_ASKED = 3600.0


def jittered(seconds: float) -> timedelta:
    """About so long: up to a twentieth more or less."""
    return timedelta(seconds=seconds * random.uniform(0.95, 1.05))  # noqa: S311 - not a secret


def back_off(failures: int, settings: Settings, error: Exception | None = None) -> timedelta:
    """Twice as long after each failure in a row, a minute at most.

    If the API asked for a time, that long, an hour at most.
    """
    asked = getattr(error, "retry_after", None)
    if isinstance(asked, int | float) and asked > 0:
        return timedelta(seconds=min(asked, _LONGEST_ASKED))
    doubled = settings.poll_seconds_transitional * 2 ** min(failures, 8)
    return jittered(min(doubled, _LONGEST_BACK_OFF))
