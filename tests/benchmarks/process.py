"""Measured processes: the child reports its own figures when the parent asks."""

import asyncio
import json
import os
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, event

PROJECT = Path(__file__).parents[2]
_LONGEST_WAIT = 120.0
_Line = TypeAdapter(dict[str, float | str])
_PAGE = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a process has used since it started.

    Attributes:
        at: The machine's monotonic clock, in seconds.
        cpu: Seconds of CPU time, of all threads.
        memory: Resident bytes, at present.
        commits: Committed database transactions.
    """

    at: float
    cpu: float
    memory: float
    commits: float


class Child:
    """A child process, controlled through its standard input.

    Attributes:
        ready: What it reported as it became ready.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ready: Mapping[str, float | str] = {}

    async def mark(self) -> Mark:
        """Read what it has used so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"mark\n")
        said = await self.listen()
        return Mark(**{name: float(value) for name, value in said.items()})

    async def listen(self) -> Mapping[str, float | str]:
        """Read one line of its output."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _LONGEST_WAIT)
        if not line:
            raise RuntimeError(f"a benchmark's process ended with {await self._process.wait()}")
        return _Line.validate_json(line)

    async def idle(self) -> Mark:
        """Wait until it uses less than 5 % of a core over half a second."""
        last = await self.mark()
        while True:
            await asyncio.sleep(0.5)
            present = await self.mark()
            if present.cpu - last.cpu < 0.05 * (present.at - last.at):
                return present
            last = present

    async def end(self) -> None:
        """Close its input, at which it ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@asynccontextmanager
async def child(module: str, *arguments: str, **settings: str) -> AsyncIterator[Child]:
    """Run a module of this package; it is ready when the block begins.

    Args:
        module: Its name in this package.
        arguments: Of its command line.
        settings: Its environment, beside the few variables that any process needs.
    """
    async with child_of(PROJECT, module, *arguments, **settings) as started:
        yield started


@asynccontextmanager
async def child_of(
    checkout: Path, module: str, /, *arguments: str, **settings: str
) -> AsyncIterator[Child]:
    """Run a module of this package as it is in a checkout."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.benchmarks.{module}", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(checkout, **settings),
        cwd=checkout,
    )
    started = Child(process)
    try:
        started.ready = await started.listen()
        yield started
    finally:
        await started.end()


async def run_in(checkout: Path, script: str, /, **settings: str) -> None:
    """Run a Python script in a checkout, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), env=environment(checkout, **settings), cwd=checkout
    )
    if await process.wait() != 0:
        raise RuntimeError(f"a script ended with {process.returncode} in {checkout}")


def environment(checkout: Path = PROJECT, /, **settings: str) -> dict[str, str]:
    """An environment of these settings only, without the person's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(checkout), "LOG_LEVEL": "WARNING", **settings}


def free_port() -> int:
    """A free port of loopback."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


class Commits:
    """Counts the transactions that this process commits."""

    def __init__(self) -> None:
        self.count = 0
        event.listen(Engine, "commit", self._add)

    def _add(self, _connection: Connection) -> None:
        self.count += 1


async def answer_marks(**ready: float | str) -> None:
    """Report that this process is ready, then its figures at each request until its input ends."""
    commits = Commits()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(ready)
    while await reader.readline():
        pages = int(Path("/proc/self/statm").read_text().split()[1])  # noqa: ASYNC240 - no disk
        _say(
            {
                "at": time.monotonic(),
                "cpu": time.process_time(),
                "memory": float(pages * _PAGE),
                "commits": float(commits.count),
            }
        )


def _say(line: Mapping[str, float | str]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
