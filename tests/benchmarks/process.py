"""Processes of their own that are measured: the parent asks, the child tells its own figures."""

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
        at: Its monotonic clock, in seconds, which all processes of the machine share.
        cpu: Seconds of CPU time, of all its threads.
        memory: Resident bytes, at present.
        commits: Database transactions that it has committed.
    """

    at: float
    cpu: float
    memory: float
    commits: float


class Child:
    """A child process that listens to its standard input.

    Attributes:
        ready: What it said as it became ready.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ready: Mapping[str, float | str] = {}

    async def mark(self) -> Mark:
        """Ask what it has used until now."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"mark\n")
        said = await self.listen()
        return Mark(**{name: float(value) for name, value in said.items()})

    async def listen(self) -> Mapping[str, float | str]:
        """Read one line that it says."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _LONGEST_WAIT)
        if not line:
            raise RuntimeError(f"a benchmark's process ended with {await self._process.wait()}")
        return _Line.validate_json(line)

    async def idle(self) -> None:
        """Wait until it does next to nothing: less than 5 % of a core over half a second."""
        last = await self.mark()
        while True:
            await asyncio.sleep(0.5)
            present = await self.mark()
            if present.cpu - last.cpu < 0.05 * (present.at - last.at):
                return
            last = present

    async def end(self) -> None:
        """Let it end by itself: it does once nobody speaks to it any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@asynccontextmanager
async def child(module: str, *arguments: str, **settings: str) -> AsyncIterator[Child]:
    """Run a module of this package, from when it is ready until the block ends.

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
    """An environment of our own settings and nothing of the person's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(checkout), "LOG_LEVEL": "WARNING", **settings}


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
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
    """Say that this process is ready, and tell its figures until its input ends."""
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
