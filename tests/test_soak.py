"""The soak's command, kept from rotting: its verdict, and a short run of all its parts."""

import sys
from pathlib import Path

import pytest

from tests.soak.__main__ import soak
from tests.soak.figures import MEBIBYTE, Sample, growth

if sys.platform != "linux":
    pytest.skip("reads /proc", allow_module_level=True)


def run(**per_sample: float) -> list[Sample]:
    """A run of 40 samples in which these figures grow with each sample."""
    steady = {
        "memory": 100 * MEBIBYTE,
        "descriptors": 30.0,
        "rows": 100.0,
        "database": 4 * MEBIBYTE,
        "written": 0.0,
        "logged": 0.0,
        "transactions": 0.0,
        "changes": 0.0,
    }
    each = {"written": 1024.0, "logged": 1024.0, "changes": 1.0, **per_sample}
    return [
        Sample(
            at=float(number),
            **{name: value + number * each.get(name, 0.0) for name, value in steady.items()},
        )
        for number in range(40)
    ]


@pytest.mark.parametrize(
    ("figure", "name"),
    [
        ("memory", "memory"),
        ("descriptors", "descriptors"),
        ("rows", "rows"),
        ("database", "database"),
    ],
)
def test_what_grows_is_named(figure: str, name: str) -> None:
    """The other figures stay steady."""
    each = {"memory": MEBIBYTE, "descriptors": 1.0, "rows": 20.0, "database": MEBIBYTE}
    assert [one.name for one in growth(run(**{figure: each[figure]})) if one.grows] == [name]


def test_more_written_for_each_change_is_growth() -> None:
    """The same work costs more as the run goes on."""
    samples = run()
    slow = [
        Sample(
            **{
                **{name: getattr(one, name) for name in Sample.__slots__},
                "written": number * number * 1024.0,
            }
        )
        for number, one in enumerate(samples)
    ]
    assert [one.name for one in growth(slow) if one.grows] == ["written per change"]


def test_a_steady_run_passes() -> None:
    """However much it writes and logs, if each change costs the same."""
    assert not any(one.grows for one in growth(run()))
    with pytest.raises(ValueError, match="too few"):
        growth(run()[:7])


@pytest.mark.timeout(120)
async def test_a_short_soak_measures_everything(sqlite_url: str, tmp_path: Path) -> None:
    """A bot in a process of its own, with endpoints that live."""
    samples, _ = await soak(sqlite_url, tmp_path, minutes=0.15, at_once=1)
    last = samples[-1]
    assert min(last.memory, last.descriptors, last.rows, last.database) > 0
    assert min(last.written, last.logged, last.changes) > 0
    assert len(growth(samples)) == 6
