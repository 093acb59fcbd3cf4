"""What a run needs, and its outcome."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.cells import Cell, Fault
from tests.chaos.databases import Databases, Engine
from tests.chaos.prefork import ForkServers

PACKAGE = Path(__file__).parents[2]
_SLEEPY = Path(__file__).parent / "suspend"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run needs.

    Attributes:
        package: The folder of the bot's package.
    """

    fork_servers: ForkServers
    databases: Databases
    package: Path = PACKAGE

    def path(self, cell: Cell) -> str:
        """The import path of the bot's processes."""
        sleepy = [_SLEEPY] if cell.fault is Fault.SUSPEND else []
        # Another bot's folder lacks the tests.
        folders = dict.fromkeys([self.package, *sleepy, PACKAGE])
        return os.pathsep.join(map(str, folders))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        report: For a run with violations.
    """

    cell: Cell
    engine: Engine
    seed: int
    injected: bool
    violations: list[str]
    report: str
