"""What is measured of a bot over time, and whether it grows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

MEBIBYTE = 1024.0 * 1024.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of a run at a moment.

    Attributes:
        at: Seconds since the run began.
        memory: Resident bytes of the bot's process.
        descriptors: That it has open.
        rows: In all tables but the audit, which nothing is deleted from.
        database: Bytes of the database; of SQLite with its WAL file.
        written: Bytes that were written to the WAL (PostgreSQL) or to files (SQLite) until now.
        logged: Bytes of log until now.
        transactions: Committed and rolled back until now; 0 where the database doesn't count them.
        changes: Of endpoints' statuses and phases until now, as the API counts them.
    """

    at: float
    memory: float
    descriptors: float
    rows: float
    database: float
    written: float
    logged: float
    transactions: float
    changes: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A figure early and late in a run.

    Attributes:
        early: Its median in the second quarter; the first is for warming up.
        late: Its median in the last quarter.
        limit: What it may be late.
    """

    name: str
    unit: str
    early: float
    late: float
    limit: float

    @property
    def grows(self) -> bool:
        """Whether there is more of it than noise explains."""
        return self.late > self.limit


@dataclass(frozen=True, slots=True)
class _Figure:
    unit: str
    of: Callable[[Sample], float]
    # What it may grow by from the second to the last quarter: a part of it, and a fixed amount.
    part: float
    fixed: float


_LEVELS: Mapping[str, _Figure] = {
    "memory": _Figure("MiB", lambda one: one.memory / MEBIBYTE, 0.05, 4.0),
    "descriptors": _Figure("", lambda one: one.descriptors, 0.1, 6.0),
    "rows": _Figure("", lambda one: one.rows, 0.2, 150.0),
    "database": _Figure("MiB", lambda one: one.database / MEBIBYTE, 0.2, 1.0),
}
_RATES: Mapping[str, _Figure] = {
    "written per change": _Figure("KiB", lambda one: one.written / 1024.0, 0.5, 4.0),
    "log per change": _Figure("KiB", lambda one: one.logged / 1024.0, 0.5, 1.0),
}


def growth(samples: Sequence[Sample]) -> list[Growth]:
    """Compare the second quarter of a run with the last.

    Raises:
        ValueError: There are fewer than eight samples.
    """
    if len(samples) < 8:
        raise ValueError(f"{len(samples)} samples are too few to tell growth")
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter + 1], samples[-quarter - 1 :]
    found = [
        _compared(
            name,
            figure,
            median(figure.of(one) for one in early),
            median(figure.of(one) for one in late),
        )
        for name, figure in _LEVELS.items()
    ]
    return found + [
        _compared(name, figure, _per_change(figure, early), _per_change(figure, late))
        for name, figure in _RATES.items()
    ]


def a_minute(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    """How much of a total is added a minute, over the second half of a run."""
    half = samples[len(samples) // 2 :]
    return (of(half[-1]) - of(half[0])) / (half[-1].at - half[0].at) * 60.0


def _compared(name: str, figure: _Figure, early: float, late: float) -> Growth:
    limit = early * (1 + figure.part) + figure.fixed
    return Growth(name, figure.unit, early, late, limit)


def _per_change(figure: _Figure, samples: Sequence[Sample]) -> float:
    first, last = samples[0], samples[-1]
    return (figure.of(last) - figure.of(first)) / max(1.0, last.changes - first.changes)
