"""Rate limits for log lines of one kind, so that no repeated line fills the disk."""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple

import structlog

WARNINGS_A_MINUTE = 20
OTHERS_A_MINUTE = 600
_MINUTE = 60.0


class _Kind(NamedTuple):
    logger: str
    level: int
    event: str
    error: str


class LogLimiter(logging.Filter):
    """Passes a number of lines of one kind per window, and reports how many it dropped.

    A kind is a logger, a level, the event or the place that logs it, and an exception's class. Used
    as a structlog processor for our own lines and as a logging filter for those of libraries.

    Args:
        report: Logs a kind's logger, its event, and the number of dropped lines.
        window: Seconds.
    """

    def __init__(self, report: Callable[[str, str, int], None], window: float = _MINUTE) -> None:
        super().__init__()
        self._report = report
        self._window = window
        self._lock = threading.Lock()
        self._ends = 0.0
        self._counts: Counter[_Kind] = Counter()
        self._timer: threading.Timer | None = None

    def __call__(
        self, logger: logging.Logger, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Pass on an event of ours, or raise structlog.DropEvent."""
        level = logging.getLevelNamesMapping().get(method.upper(), logging.ERROR)
        error = event.get("exc_info")
        kind = _Kind(logger.name, level, str(event.get("event")), _class_of(error))
        if not self._has_room(kind):
            # A user was shown the reference: it must lead to a line, though without traceback after
            # many like it.
            if "reference" not in event:
                raise structlog.DropEvent
            event.pop("exc_info", None)
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a library's line; ours were limited before."""
        if isinstance(record.msg, dict):
            return True
        place = f"{record.pathname}:{record.lineno}"
        return self._has_room(_Kind(record.name, record.levelno, place, _class_of(record.exc_info)))

    def _has_room(self, kind: _Kind) -> bool:
        if kind.level < logging.INFO:
            return True
        with self._lock:
            present = time.monotonic()
            if present >= self._ends and self._timer is None:
                self._ends = present + self._window
                self._counts.clear()
            self._counts[kind] += 1
            has_room = self._counts[kind] <= _most(kind)
            if not has_room and self._timer is None:
                self._timer = threading.Timer(self._ends - present, self._close_window)
                self._timer.daemon = True
                self._timer.start()
        return has_room

    def _close_window(self) -> None:
        with self._lock:
            counts = self._counts.copy()
            self._counts.clear()
            self._ends = 0.0
            self._timer = None
        for kind, count in counts.items():
            if count > _most(kind):
                self._report(kind.logger, kind.event, count - _most(kind))


def _most(kind: _Kind) -> int:
    return WARNINGS_A_MINUTE if kind.level >= logging.WARNING else OTHERS_A_MINUTE


def _class_of(error: object) -> str:
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    return type(error).__name__ if isinstance(error, BaseException) else ""
