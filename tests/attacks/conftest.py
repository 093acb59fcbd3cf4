"""Running bots to attack, whose logs and tasks are watched."""

import asyncio
import gc
import logging
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import Running, running
from bot.sandbox.environment import Environment, connect, world
from tests import databases
from tests.attacks.harness import Siege
from tests.conftest import QUICK, UNHURRIED, StartBot

PACE: dict[str, object] = {"poll_seconds_transitional": 5, "poll_seconds_stable": 5}


@dataclass(frozen=True, slots=True)
class Fort:
    """A running bot that stands one attack after another, on a database of either kind."""

    here: Environment
    bot: Running
    http: aiohttp.ClientSession


def _with_error(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep the exception itself, which is gone by the time that anybody looks at the event."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()[1]
    return event


class Watch:
    """What the bot logs, and what asyncio complains of, while it is looked at."""

    def __init__(self) -> None:
        self.logged: list[MutableMapping[str, Any]] = []
        self.leaks: list[str] = []


@asynccontextmanager
async def watched() -> AsyncIterator[Watch]:
    """Look at everything that goes wrong unseen."""
    watch = Watch()
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: watch.leaks.append(str(context)))
    try:
        with capture_logs(processors=[_with_error]) as logged:
            watch.logged = logged
            yield watch
    finally:
        loop.set_exception_handler(before)


@asynccontextmanager
async def watched_to_the_end() -> AsyncIterator[Watch]:
    """The same; whatever was left behind is found too."""
    async with watched() as watch:
        yield watch
        gc.collect()  # a task that failed unseen tells when it goes
        await asyncio.sleep(0)


@pytest.fixture
async def siege(
    here: Environment, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Siege]:
    """A running bot of the test's own, whose channel is connected to a project as `prod`."""
    async with (
        watched_to_the_end() as watch,
        start_bot(**PACE) as bot,
        aiohttp.ClientSession() as http,
    ):
        await connect(here)
        yield (siege := Siege(here, bot, http, watch.logged, watch.leaks))
        await siege.settled()
        await siege.nothing_half()
    siege.check()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.fixture(scope="module")
def sqlite_fort(sqlite_template: Path) -> Iterator[str]:
    """The URL of a migrated SQLite file in which there are no rows yet."""
    with tempfile.TemporaryDirectory(prefix="fort", dir=databases.MEMORY) as folder:
        yield databases.copied_sqlite(sqlite_template, Path(folder))


@pytest.fixture(scope="module")
async def postgresql_fort(postgresql_server: str, postgresql_template: str) -> str:
    """The URL of a migrated PostgreSQL database in which there are no rows yet."""
    return await databases.new_postgresql(postgresql_server, postgresql_template)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fort_database(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database of each kind, in which there are no rows yet."""
    url: str = request.getfixturevalue(f"{request.param}_fort")
    return url


@pytest.fixture(scope="module")
def pace() -> dict[str, object]:
    """How the bot of a file differs from others: what serves is looked at rarely."""
    return PACE


@pytest.fixture(scope="module")
async def fort(fort_database: str, pace: dict[str, object]) -> AsyncIterator[Fort]:
    """One bot for all attacks of a file: it stands them as it would in life."""
    async with (
        world(fort_database, speed=0, limits=UNHURRIED) as here,
        watched_to_the_end() as watch,
        running(here.settings(**{**QUICK, **pace})) as bot,
        aiohttp.ClientSession() as http,
    ):
        here.slack.events_url = bot.events_url
        await connect(here)
        yield Fort(here, bot, http)
        # From here on it stops, with whatever is still under way.
        siege = Siege(here, bot, http, watch.logged, watch.leaks)
    siege.check()


@pytest.fixture
async def attack(fort: Fort, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Siege]:
    """A test's attack on the bot of its file."""
    async with watched() as watch:
        siege = Siege(fort.here, fort.bot, fort.http, watch.logged, watch.leaks)
        if not await siege.is_connected():
            # The attack before this one found the button that disconnects.
            await connect(fort.here)
        yield siege
        await siege.settled()
        await siege.nothing_half()
    siege.check()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
