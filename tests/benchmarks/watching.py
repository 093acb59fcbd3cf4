"""Watching endpoints that don't change: requests, CPU time, memory and commits, beside the SDK's.

Both watchers run side by side over the same seconds, each against an outside of its own. The
rival can't keep up with many endpoints on one core, so it watches a part of them; what it spends on
a status doesn't depend on how many there are.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import BaseModel

from tests.benchmarks.bots import settings_of
from tests.benchmarks.process import Child, Mark, child
from tests.benchmarks.seeding import seed
from tests.benchmarks.table import Row, at_most, of_rivals

CADENCE = 5.0
PER_PROJECT = 100
# From so many on, the default cadence keeps the bot busy.
_MANY = 10_000
_RIVALS_MOST = 300


class DeployResult(BaseModel):
    """What an outside has been asked for.

    Attributes:
        requests: To the Friendli API.
        statuses: That its answers told.
    """

    requests: int
    statuses: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What watching cost over some seconds.

    Attributes:
        requests: To the API, for each endpoint and cadence.
        cpu: Seconds for each 1,000 statuses.
        commits: For each project and poll.
    """

    requests: float
    cpu: float
    commits: float


@asynccontextmanager
async def _watching(watcher: Child, outside: Child) -> AsyncIterator[list[Watched]]:
    """Measure a watcher until the block ends; the figures are there then."""
    figures: list[Watched] = []
    started, asked = await watcher.mark(), await _asked(outside)
    yield figures
    ended, asked_since = await watcher.mark(), await _asked(outside)
    figures.append(_figures(started, ended, asked, asked_since))


def _figures(started: Mark, ended: Mark, before: DeployResult, after: DeployResult) -> Watched:
    statuses = after.statuses - before.statuses
    requests = after.requests - before.requests
    return Watched(
        requests=requests / statuses,
        cpu=(ended.cpu - started.cpu) / statuses * 1000,
        commits=(ended.commits - started.commits) / requests,
    )


async def _asked(outside: Child) -> DeployResult:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{outside.ready['url']}/asked") as answer,
    ):
        return DeployResult.model_validate_json(await answer.read())


async def watch(
    folder: Path,
    endpoints: int,
    *,
    per_project: int = PER_PROJECT,
    cadence: float = CADENCE,
    cadences: float = 3.0,
    rivals: int = _RIVALS_MOST,
    warm: float | None = None,
) -> tuple[Watched, Watched, float]:
    """Watch so many endpoints with both watchers.

    Args:
        folder: For the bot's database.
        endpoints: How many the bot watches.
        per_project: How many of them belong to one project.
        cadence: Seconds between two polls of a project.
        cadences: For how many default cadences to measure.
        rivals: How many the rival watches at most.
        warm: Seconds before that, if not enough for two polls by default.

    Returns:
        Our figures, the rival's, and our resident bytes.
    """
    async with (
        child("outside", str(per_project)) as ours_outside,
        child("outside", "1") as rivals_outside,
    ):
        settings, environment = settings_of(
            str(ours_outside.ready["url"]),
            f"sqlite:///{folder}/{endpoints}-{per_project}-{cadence}.sqlite3",
            POLL_SECONDS_TRANSITIONAL=str(cadence),
        )
        await seed(settings, projects=endpoints // per_project, endpoints=per_project, channels=20)
        async with (
            child("watchers", "ours", **environment) as ours,
            child(
                *("watchers", "rival", str(rivals_outside.ready["url"])),
                *(str(min(endpoints, rivals)), str(CADENCE if warm is None else cadence)),
            ) as rival,
        ):
            # Until each was polled twice: first reads are no part of what watching costs.
            await asyncio.sleep(max(cadence * 2.5, CADENCE) if warm is None else warm)
            async with (
                _watching(ours, ours_outside) as our_figures,
                _watching(rival, rivals_outside) as rivals_figures,
            ):
                await asyncio.sleep(CADENCE * cadences)
            memory = (await ours.mark()).memory
    return our_figures[0], rivals_figures[0], memory


async def rows(folder: Path, sizes: Sequence[int]) -> list[Row]:
    """Measure watching at several sizes, the smallest first.

    A few endpoints are polled more often than by default, so that it is polling that is measured,
    and not the looks at the clock in between; what that comes to is reported beside it.
    """
    made: list[Row] = []
    cpu: dict[int, float] = {}
    memory: dict[int, float] = {}
    for size in sizes:
        cadence = CADENCE if size >= _MANY else CADENCE * size / _MANY
        ours, rival, memory[size] = await watch(folder, size, cadence=cadence)
        cpu[size] = ours.cpu
        every = f"{size:,} endpoints, every {cadence:g} s"
        made += [
            Row(
                f"{every}: requests per endpoint and cadence",
                *(ours.requests, "", rival.requests, of_rivals(1 / 90)),
            ),
            Row(
                f"{every}: CPU per 1,000 statuses",
                *(ours.cpu * 1000, "ms", rival.cpu * 1000, of_rivals(1 / 100)),
            ),
        ]
    least, most = sizes[0], sizes[-1]
    growth = cpu[most] / cpu[least]
    made.append(
        Row(f"CPU per status, {most:,} to {least:,} endpoints", growth, "x", None, at_most(1.2))
    )
    each = (memory[most] - memory[least]) / (most - least)
    made.append(Row("Memory per watched endpoint", each / 1000, "kB", None, at_most(2)))
    return made


async def idling(folder: Path) -> list[Row]:
    """A few endpoints at the default cadence, where most of what is spent is waiting."""
    ours, rival, _ = await watch(folder, 1_000)
    return [
        Row(
            f"1,000 endpoints, every {CADENCE:g} s, all that the bot does: CPU per 1,000 statuses",
            *(ours.cpu * 1000, "ms", rival.cpu * 1000),
        )
    ]


async def committing(folder: Path) -> list[Row]:
    """Many projects: how often the database has to commit."""
    many, _, _ = await watch(folder, 1_000, per_project=1, cadences=2, rivals=1)
    return [
        Row("1,000 projects: commits per project and poll", many.commits, "", None, at_most(0.05))
    ]
