"""When the Hub lets this address ask again.

The Hub sends `RateLimit: "api";r=489;t=273`: requests left, and the seconds until more are granted.
Other servers answer with Retry-After only. Past a limit every request is refused, and goes on
counting.
"""

import re
import time
from collections.abc import Callable, Mapping

_LEFT = re.compile(r"(?:^|[;,\s])r=(\d{1,9})(?:[;,\s]|$)")
_SECONDS = re.compile(r"(?:^|[;,\s])t=(\d{1,9})(?:[;,\s]|$)")
_WHOLE = re.compile(r"\d{1,9}")
# A limit lasts five minutes.
_LONGEST = 300.0
_WITHOUT_A_NUMBER = 30.0


class RateLimit:
    """Of one Hub and token; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0

    @property
    def seconds_left(self) -> float:
        """How long no request may be sent; 0 if it may."""
        return max(0.0, self._until - self._clock())

    def heed(self, status: int, headers: Mapping[str, str]) -> None:
        """Read the limit from an answer."""
        stated = headers.get("RateLimit", "")
        left, resets = _LEFT.search(stated), _SECONDS.search(stated)
        if status == 429:
            asked = _WHOLE.fullmatch(headers.get("Retry-After", "").strip())
            waits = [float(each) for each in (asked and asked[0], resets and resets[1]) if each]
            self._wait(max(waits, default=_WITHOUT_A_NUMBER))
        elif left is not None and resets is not None and int(left[1]) == 0:
            self._wait(float(resets[1]))

    def _wait(self, seconds: float) -> None:
        self._until = max(self._until, self._clock() + min(seconds, _LONGEST))
