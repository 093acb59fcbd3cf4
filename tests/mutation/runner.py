"""Runs tests against copies of the project, each with one mutation."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import Queue

from tests.mutation.mutations import ROOT, Mutation

_PARTS = ("bot", "migrations", "tests", "pyproject.toml", "README.md")
# A mutation that makes a test wait for ever is noticed, too.
_TEST_SECONDS = 30
_RUN_SECONDS = 300
_PASSED, _FAILED = 0, 1


class Verdict(StrEnum):
    """What a run showed."""

    KILLED = "killed"
    SURVIVED = "survived"
    BROKEN = "broken"
    """The tests couldn't be run at all, which says nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutation.

    Attributes:
        by: The first test that noticed it.
        output: Of pytest.
    """

    mutation: Mutation
    verdict: Verdict
    seconds: float
    by: str
    output: str


def baseline(listed: Sequence[Mutation], jobs: int) -> str:
    """Run the tests of all mutations without any; returns what fails, '' if nothing does."""
    groups: dict[str, set[str]] = {}
    for one in listed:
        groups.setdefault(one.select, set()).update(one.tests)
    with _copy() as folder:
        for select, tests in groups.items():
            ended = _pytest(folder, sorted(tests), select, "-n", str(jobs))
            if ended.returncode != _PASSED:
                return ended.stdout
    return ""


def run_all(listed: Sequence[Mutation], jobs: int) -> Iterator[Result]:
    """Run each mutation's tests, several at a time; yields results as they come."""
    free: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory(prefix="mutation") as name:
        for number in range(jobs):
            free.put(_fill(Path(name) / str(number)))

        def run(mutation: Mutation) -> Result:
            folder = free.get()
            try:
                return _run(folder, mutation)
            finally:
                free.put(folder)

        with ThreadPoolExecutor(jobs) as pool:
            for ended in as_completed([pool.submit(run, one) for one in listed]):
                yield ended.result()


def _run(folder: Path, mutation: Mutation) -> Result:
    file = folder / mutation.file
    source, times = file.read_text(), file.stat()
    started = time.monotonic()
    file.write_text(mutation.applied(source))
    try:
        ended = _pytest(folder, mutation.tests, mutation.select, "-n", "0", "-x")
    finally:
        # With its old time, so that its cached bytecode is valid again.
        file.write_text(source)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    verdict = {_PASSED: Verdict.SURVIVED, _FAILED: Verdict.KILLED}.get(
        ended.returncode, Verdict.BROKEN
    )
    by = next(
        (
            line.split()[1]
            for line in ended.stdout.splitlines()
            if line.startswith(("FAILED ", "ERROR "))
        ),
        "",
    )
    return Result(mutation, verdict, time.monotonic() - started, by, ended.stdout)


def _pytest(
    folder: Path, tests: Sequence[str], select: str, *options: str
) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"),
        *("--timeout", str(_TEST_SECONDS), "-k", select, *options, *tests),
    ]
    # The copy goes before the installed project; bytecode is shared, and none is added.
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(  # noqa: S603 - our own tests
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, _FAILED, f"FAILED after {_RUN_SECONDS} s")


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mutation") as name:
        yield _fill(Path(name) / "0")


def _fill(folder: Path) -> Path:
    """Copy the project, with its bytecode: times are kept, so that it stays valid."""
    folder.mkdir()
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part)
        else:
            shutil.copy2(ROOT / part, folder / part)
    # Bytecode that isn't there yet is made once for all runs.
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "bot", "tests"], cwd=folder, check=False
    )
    return folder
