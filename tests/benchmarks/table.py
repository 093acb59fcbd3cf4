"""The table that a run prints: our figure, the rival's, their ratio, and the goal."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Console
from rich.table import Table


class Of(StrEnum):
    """What a goal limits."""

    RATIO = "of the rival's"
    FIGURE = "at most"


@dataclass(frozen=True, slots=True)
class Goal:
    """The most that a figure, or its ratio to the rival's, may be."""

    most: float
    of: Of


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        work: What was measured.
        ours: The bot's figure.
        unit: Of both figures.
        rival: The rival's figure; None if there is none to compare with.
        goal: None if the figure is only reported.
    """

    work: str
    ours: float
    unit: str
    rival: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the rival's figure ours is."""
        return self.ours / self.rival if self.rival else None

    @property
    def holds(self) -> bool:
        """Whether the goal is met; a row without one always holds."""
        if self.goal is None:
            return True
        value = self.ratio if self.goal.of is Of.RATIO else self.ours
        return value is not None and value <= self.goal.most


def at_most(most: float) -> Goal:
    """A goal for our own figure."""
    return Goal(most, Of.FIGURE)


def of_rivals(most: float) -> Goal:
    """A goal for the ratio of our figure to the rival's."""
    return Goal(most, Of.RATIO)


def show(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Print rows under a title."""
    table = Table(title=title, title_justify="left")
    table.add_column("Work")
    for name in ("Ours", "Rival", "Ratio", "Goal", ""):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.work,
            f"{_number(row.ours)} {row.unit}",
            f"{_number(row.rival)} {row.unit}" if row.rival is not None else "",
            f"{_number(row.ratio)} x" if row.ratio is not None else "",
            _goal(row),
            "" if row.goal is None else "ok" if row.holds else "MISSED",
        )
    console.print(table)


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    unit = "x" if row.goal.of is Of.RATIO else row.unit
    return f"≤ {_number(row.goal.most)} {unit}"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
