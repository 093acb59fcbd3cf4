"""What a run needs, and what it shows."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.cells import Cell, Fault
from tests.chaos.databases import Databases, Engine
from tests.chaos.prefork import Nurseries

PACKAGE = Path(__file__).parents[2]
_SLEEPY = Path(__file__).parent / "suspend"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run needs from outside.

    Attributes:
        nurseries: Where bots are started.
        databases: Where they keep their rows.
        package: The folder in which the bot's package lies.
    """

    nurseries: Nurseries
    databases: Databases
    package: Path = PACKAGE

    def path(self, cell: Cell) -> str:
        """Where the bot's processes look for modules first."""
        sleepy = [_SLEEPY] if cell.fault is Fault.SUSPEND else []
        # A package of another bot lacks what starts it here.
        folders = dict.fromkeys([self.package, *sleepy, PACKAGE])
        return os.pathsep.join(map(str, folders))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed.

    Attributes:
        cell: Which.
        engine: On which.
        seed: With which.
        struck: Whether the fault came to strike.
        violations: Every broken promise.
        report: What there was, for a run with violations.
    """

    cell: Cell
    engine: Engine
    seed: int
    struck: bool
    violations: list[str]
    report: str
