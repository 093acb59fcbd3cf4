"""A few runs of the chaos matrix: real processes, killed around the steps that cost the most."""

import asyncio

import pytest

from tests.chaos.cells import Cell, Fault, Step
from tests.chaos.databases import Engine
from tests.chaos.mutants import MUTANTS, Mutant, mutated
from tests.chaos.run import Setup, run


@pytest.mark.parametrize(
    "cell",
    [Cell(Step.CREATE, Fault.KILL_ACTED), Cell(Step.REPLY, Fault.KILL_ACTED)],
    ids=lambda cell: cell.name,
)
async def test_a_kill_leaves_nothing_twice_and_nothing_lost(cell: Cell) -> None:
    """Killed after the other side acted, the bot makes nothing twice and loses no message."""
    outcome = await run(cell, Engine.SQLITE, 0, Setup())
    assert outcome.struck
    assert outcome.violations == [], outcome.report


async def test_three_replicas_take_over_from_one_that_is_killed(postgresql_server: str) -> None:
    """Two replicas finish what the third one had in hand."""
    cell = Cell(Step.CREATE, Fault.KILL_ANSWERED)
    outcome = await run(cell, Engine.POSTGRESQL, 0, Setup(postgresql_server))
    assert outcome.violations == [], outcome.report


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
async def test_mutants_can_be_made(mutant: Mutant) -> None:
    """What a mutant changes stands in the source exactly once."""
    with mutated(mutant) as package:
        assert await asyncio.to_thread((package / "bot").is_dir)
