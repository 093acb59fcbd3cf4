"""The benchmarks' command, kept from rotting: its cheapest part, end to end."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.benchmarks.table import Row, at_most, of_rivals
from tests.benchmarks.watching import watch


@pytest.mark.timeout(120)
async def test_watching_is_measured_beside_the_sdk(tmp_path: Path) -> None:
    """Both watchers run in processes of their own and tell what they spent."""
    pytest.importorskip("friendli", reason="the extra `benchmarks` isn't installed")
    ours, rival, memory = await watch(tmp_path, 200, cadence=0.2, cadences=0.2, rivals=5, warm=1.0)
    assert (round(ours.requests, 3), rival.requests) == (0.01, 1.0)
    assert 0 < ours.cpu < rival.cpu
    assert memory > 1_000_000


async def test_the_command_says_what_it_can_do() -> None:
    """`python -m tests.benchmarks` names its parts, and refuses others."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks", "--only", "nothing"),
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"commands" in said


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (Row("reported", 5.0, "ms"), True),
        (Row("figure", 5.0, "ms", None, at_most(5)), True),
        (Row("figure", 5.1, "ms", None, at_most(5)), False),
        (Row("ratio", 5.0, "ms", 10.0, of_rivals(0.5)), True),
        (Row("ratio", 5.1, "ms", 10.0, of_rivals(0.5)), False),
        (Row("nothing to compare with", 5.0, "ms", None, of_rivals(0.5)), False),
    ],
)
def test_a_goal_holds_or_is_missed(row: Row, *, holds: bool) -> None:
    """A goal limits our figure or its ratio to the rival's."""
    assert row.holds is holds
