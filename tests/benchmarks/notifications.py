"""From the API's change to Slack's message: the whole bot, at Slack's own pace.

Twenty workspaces with a channel each, as the bot keeps them apart in its database and in its pace:
one message a second and channel, one edit a second and workspace. They share a token, since a
process of the bot has one, and a Slack that takes whatever comes.
"""

import asyncio
import random
from pathlib import Path

import aiohttp
from pydantic import BaseModel

from tests.benchmarks.bots import settings_of
from tests.benchmarks.commands import p50, p99
from tests.benchmarks.process import child
from tests.benchmarks.seeding import root_of, seed
from tests.benchmarks.table import Row, at_most
from tests.benchmarks.watching import CADENCE, PER_PROJECT

_WORKSPACES = 20
_LAST_ONE_TAKES = 20.0


class ObservedTransition(BaseModel):
    """How long changes took.

    Attributes:
        seconds: Of each change that Slack was told of.
        untold: Changes that it wasn't told of yet.
    """

    seconds: list[float]
    untold: int


async def rows(folder: Path, *, endpoints: int, seconds: float) -> list[Row]:
    """Change endpoints for so long, at random moments, and see when Slack hears of it."""
    async with child("outside", str(PER_PROJECT)) as outside:
        url = str(outside.ready["url"])
        settings, environment = settings_of(url, f"sqlite:///{folder}/telling.sqlite3")
        projects = endpoints // PER_PROJECT
        spread = {"channels": _WORKSPACES, "workspaces": _WORKSPACES}
        await seed(settings, projects=projects, endpoints=PER_PROJECT, **spread)
        async with child("watchers", "ours", **environment), aiohttp.ClientSession() as session:
            await asyncio.sleep(CADENCE * 2)
            changing = random.sample(range(endpoints), round(endpoints * seconds / 6_000))
            for index in changing:
                project, number = divmod(index, PER_PROJECT)
                change = {
                    "endpoint": f"project-{project + 1}-{number}",
                    "root": root_of(index + 1),
                }
                async with session.post(f"{url}/change", json=change):
                    pass
                await asyncio.sleep(random.expovariate(len(changing) / seconds))
            told = await _told(session, url, len(changing))
    work = (
        f"{endpoints:,} endpoints of {_WORKSPACES} workspaces, 1% changing a minute: Slack is told"
    )
    return [
        Row(f"{work}, p50", p50(told.seconds), "s"),
        Row(f"{work}, p99", p99(told.seconds), "s", None, at_most(CADENCE + 1)),
        Row("Changes that Slack wasn't told of", told.untold, "", None, at_most(0)),
    ]


async def _told(session: aiohttp.ClientSession, url: str, changes: int) -> ObservedTransition:
    ends = asyncio.get_running_loop().time() + _LAST_ONE_TAKES
    while True:
        async with session.get(f"{url}/told") as answer:
            told = ObservedTransition.model_validate_json(await answer.read())
        if len(told.seconds) == changes or asyncio.get_running_loop().time() > ends:
            return told
        await asyncio.sleep(0.2)
