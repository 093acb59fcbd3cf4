"""`python -m tests.chaos`: run the matrix, print it, and fail on a violation."""

import argparse
import asyncio
import contextlib
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from asyncpg import PostgresError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from bot.sandbox.slack.base_client import NotPossibleError
from bot.sandbox.slack.changes import ConditionTimeoutError
from tests.chaos.bots import NotStartedError
from tests.chaos.cells import Cell, cells
from tests.chaos.databases import Databases, Engine, postgresql_server
from tests.chaos.mutants import MUTANTS, Mutant, mutated
from tests.chaos.prefork import ForkServers
from tests.chaos.run import run
from tests.chaos.setup import PACKAGE, Outcome, Setup

# Errors of a run itself, as on a busy machine.
_BREAKS = (
    ConditionTimeoutError,
    NotStartedError,
    NotPossibleError,
    LookupError,
    OSError,
    SQLAlchemyError,
    PostgresError,
)


def main() -> int:
    asked = _arguments()
    if asked.mutants:
        return _run_mutants(Console(), asked.seeds)
    engines = list(Engine) if asked.engine == "both" else [Engine(asked.engine)]
    chosen = [cell for cell in cells() if not asked.cell or asked.cell in cell.name]
    seeds = range(asked.first, asked.first + asked.seeds)
    console = Console()
    if not chosen:
        console.print(f"No cell has {asked.cell!r} in its name. There are:")
        console.print("\n".join(cell.name for cell in cells()))
        return 2
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgresql_server()) if Engine.POSTGRESQL in engines else ""
        # Seed by seed: an interrupted run has tried every cell.
        jobs = [(cell, engine, seed) for seed in seeds for cell in chosen for engine in engines]
        outcomes = asyncio.run(_run_all(console, jobs, server, asked.package, asked.jobs))
    console.print(_matrix(outcomes, engines))
    broken = sum(bool(outcome.violations) for outcome in outcomes)
    missed = sum(not outcome.injected for outcome in outcomes)
    never = _without_fault(outcomes)
    console.print(
        f"{len(outcomes)} runs, {broken} with violations; {missed} without a fault, and"
        f" {never} cells that never had one"
    )
    return 1 if broken or never else 0


def _without_fault(outcomes: Sequence[Outcome]) -> int:
    """Cells whose fault was never injected: they show nothing."""
    injected = {(one.cell, one.engine) for one in outcomes if one.injected}
    return len({(one.cell, one.engine) for one in outcomes} - injected)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="runs of each cell on each engine")
    parser.add_argument("--engine", choices=[*Engine, "both"], default="both")
    parser.add_argument("--cell", default="", help="only cells with this in their name")
    parser.add_argument("--first", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--jobs", type=int, default=3, help="runs at a time")
    parser.add_argument(
        "--mutants", action="store_true", help="switch safeguards off: each must turn it red"
    )
    parser.add_argument(
        "--package", type=Path, default=PACKAGE, help="a folder with another `bot` to run"
    )
    return parser.parse_args()


async def _run_all(
    console: Console,
    jobs: Sequence[tuple[Cell, Engine, int]],
    server: str,
    package: Path,
    at_once: int,
) -> list[Outcome]:
    room = asyncio.Semaphore(at_once)

    async with ForkServers(server) as fork_servers, Databases(server) as databases:
        setup = Setup(fork_servers, databases, package)

        async def one(cell: Cell, engine: Engine, seed: int) -> Outcome:
            async with room:
                started = time.monotonic()
                try:
                    outcome = await run(cell, engine, seed, setup)
                except _BREAKS:
                    broken, report = ["the run itself broke"], traceback.format_exc()
                    outcome = Outcome(cell, engine, seed, False, broken, report)  # noqa: FBT003
                seconds = time.monotonic() - started
            _tell(console, outcome, seconds)
            return outcome

        return await asyncio.gather(*(one(*job) for job in jobs))


def _run_mutants(console: Console, seeds: int) -> int:
    """Run each mutant until it violates a promise; return 1 if one never does."""
    unseen = 0
    with postgresql_server() as server:
        for mutant in MUTANTS:
            with mutated(mutant) as package:
                found = asyncio.run(_seen(mutant, server, package, seeds))
            console.print(f"without {mutant.name}: {'red' if found else 'NOT SEEN'}")
            if found is None:
                unseen += 1
                continue
            at = f"--cell {found.cell.name} --engine {found.engine} --first {found.seed} --seeds 1"
            console.print(f"  {at}", highlight=False, soft_wrap=True)
            for words in found.violations:
                console.print(f"  · {words}", highlight=False, markup=False, soft_wrap=True)
    return 1 if unseen else 0


async def _seen(mutant: Mutant, server: str, package: Path, seeds: int) -> Outcome | None:
    """The first run that only the mutant turns red."""
    async with ForkServers(server) as fork_servers, Databases(server) as databases:
        setup, control = Setup(fork_servers, databases, package), Setup(fork_servers, databases)
        for seed in range(seeds):
            for cell, engine in mutant.cells:
                outcome = await run(cell, engine, seed, setup)
                if outcome.violations and not (await run(cell, engine, seed, control)).violations:
                    return outcome
    return None


def _tell(console: Console, outcome: Outcome, seconds: float) -> None:
    at = f"--cell {outcome.cell.name} --engine {outcome.engine} --first {outcome.seed} --seeds 1"
    how = "VIOLATED" if outcome.violations else "ok" if outcome.injected else "NO FAULT"
    console.print(f"{how}  {at}  {seconds:.1f} s", highlight=False, markup=False, soft_wrap=True)
    for words in outcome.violations:
        console.print(f"  · {words}", highlight=False, markup=False, soft_wrap=True)
    if outcome.report:
        console.print(outcome.report, highlight=False, markup=False, soft_wrap=True)


def _matrix(outcomes: Sequence[Outcome], engines: Sequence[Engine]) -> Table:
    table = Table(title="runs / with the fault / with violations")
    for heading in ("step", "fault", *engines):
        table.add_column(heading)
    by_cell: defaultdict[tuple[Cell, Engine], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_cell[outcome.cell, outcome.engine].append(outcome)
    for cell in dict.fromkeys(outcome.cell for outcome in outcomes):
        table.add_row(
            cell.request, cell.fault, *_counts([by_cell[cell, engine] for engine in engines])
        )
    return table


def _counts(columns: Sequence[Sequence[Outcome]]) -> Iterator[str]:
    for column in columns:
        injected = sum(one.injected for one in column)
        broken = sum(bool(one.violations) for one in column)
        style = "bold red" if broken or not injected else "green"
        yield f"[{style}]{len(column)} / {injected} / {broken}[/]"


if __name__ == "__main__":
    sys.exit(main())
