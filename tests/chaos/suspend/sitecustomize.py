"""Lets the monotonic clock stand still while the process is stopped, as when its machine sleeps.

Python imports a module of this name when it starts. Time limits then go on where they were, and a
worker that wakes doesn't learn from them that its lease is over.
"""

import time

# A running bot looks at the clock at least once a second.
_LONGEST_REST = 1.5

_running = time.monotonic
_last = _running()
_slept = 0.0


def _monotonic() -> float:
    global _last, _slept  # noqa: PLW0603 - the clock is the process's own
    present = _running()
    if present - _last > _LONGEST_REST:
        _slept += present - _last
    _last = present
    return present - _slept


time.monotonic = _monotonic
