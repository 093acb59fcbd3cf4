"""Stories of several processes on one database: halves apart, and whole bots side by side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from inline_snapshot import snapshot
from sqlalchemy import text, update

from bot.app import Running, running
from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.sandbox.environment import API_KEY, APP_TOKEN, PROJECT, Environment, connect, world
from tests.acceptance.thread_assertions import root, thread, whispers
from tests.client import get
from tests.conftest import QUICK, UNHURRIED

LINE = "org/model --gpu H100 --replicas 1 --name it --yes"
MODES: dict[str, dict[str, object]] = {
    "http": {},
    "socket": {"slack_app_token": APP_TOKEN, "slack_signing_secret": None},
}


@pytest.fixture
async def there(postgresql_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a PostgreSQL database."""
    async with world(postgresql_url, speed=0, limits=UNHURRIED) as made:
        yield made


@asynccontextmanager
async def replicas(
    there: Environment, *roles: str, **settings: object
) -> AsyncIterator[list[Running]]:
    """Bots of these roles in one world, each with its own connections to everything."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(running(there.settings(**QUICK, **settings, role=role)))
            for role in roles
        ]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_a_front_and_a_worker_do_together_what_one_bot_does(
    there: Environment, mode: dict[str, object]
) -> None:
    """From the command to the ready thread, and to the end that a click asks for."""
    async with replicas(there, "web", "worker", **mode) as [front, _]:
        there.slack.events_url = None if mode else front.events_url
        assert there.slack.connections == bool(mode)
        await connect(there)
        await there.member.command(there.channel, LINE)
        await there.slack.until(lambda: thread(there))
        there.clock.advance(600)
        await there.slack.until(lambda: "is serving" in thread(there)[-1])
        await there.slack.until(lambda: "Terminate" in root(there).buttons)
        await there.member.click(root(there), "Terminate")
        await there.friendli.until(
            lambda: any(one.operation == "terminate_endpoint" for one in there.friendli.requests)
        )
    assert there.slack.protocol_slips == []


async def test_a_front_alone_writes_down_what_a_worker_finds_later(there: Environment) -> None:
    """Nothing is posted and nothing made until there is a worker; then all of it is."""
    async with replicas(there, "web") as [front]:
        there.slack.events_url = front.events_url
        await connect(there)
        asked = len(there.friendli.requests)
        assert (await there.member.command(there.channel, LINE)).ok
        async with aiohttp.ClientSession() as http:
            assert await get(http, f"{front.url}/healthz") == (200, {"ok": True})
    assert len(there.friendli.requests) == asked
    assert not there.channel.messages
    async with replicas(there, "worker"):
        await there.slack.until(lambda: thread(there))
    assert len(there.friendli.endpoints) == 1


async def test_a_worker_takes_nothing_from_slack(there: Environment) -> None:
    """It has no address for events, and needs no secret to check them with; it can be asked how it is."""
    async with (
        replicas(there, "worker", slack_signing_secret=None) as [worker],
        aiohttp.ClientSession() as http,
    ):
        assert await get(http, f"{worker.url}/healthz") == (200, {"ok": True})
        assert await get(http, f"{worker.url}/readyz") == (
            200,
            {"database": True, "slack": True, "schema": True, "friendli": True},
        )
        async with http.post(worker.events_url) as response:
            assert response.status == 404


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_whole_bots_share_the_work_without_a_leader(
    there: Environment, mode: dict[str, object]
) -> None:
    """What one opened another takes: each form, submission and click goes to the next replica."""
    async with replicas(there, "all", "all", "all", **mode) as bots:
        turn = 0

        def next_replica() -> None:
            nonlocal turn
            turn += 1
            there.slack.events_url = None if mode else bots[turn % len(bots)].events_url

        next_replica()
        await there.admin.command(there.channel, "connect prod")
        await there.slack.until(lambda: there.admin.modal)
        next_replica()
        await there.admin.fill("Friendli project id", PROJECT)
        await there.admin.fill("Personal API key (flp_…)", API_KEY)
        await there.admin.submit()
        await there.admin.close_modal()
        next_replica()
        await there.member.command(there.channel, "")
        await there.slack.until(lambda: there.member.modal)
        next_replica()
        await there.member.fill("Model", "org/model")
        next_replica()
        await there.member.fill("Instance", "2 × H100 · 160 GB · $10.00/h")
        next_replica()
        await there.member.submit()
        next_replica()
        await there.slack.until(lambda: thread(there) and "Cancel" in root(there).buttons)
        await there.member.click(root(there), "Cancel")
        await there.slack.until(lambda: "asked to" in " ".join(thread(there)))
        next_replica()
        await there.member.command(there.channel, LINE)
        await there.friendli.until(lambda: len(there.friendli.endpoints) == 2)
    creates = [one for one in there.friendli.requests if one.operation == "create_endpoint"]
    assert len(creates) == 2
    assert there.slack.protocol_slips == []


async def test_a_click_waits_for_whoever_changes_the_endpoint(there: Environment) -> None:
    """Otherwise it would be judged, and the root drawn, by what was so before."""
    database = Database(there.database)
    async with replicas(there, "all") as [bot]:
        there.slack.events_url = bot.events_url
        await connect(there)
        await there.member.command(there.channel, LINE)
        await there.friendli.until(lambda: there.friendli.endpoints)
        there.clock.advance(600)
        await there.slack.until(lambda: "Sleep" in root(there).buttons)
        async with database.write() as session:
            await session.execute(update(Deployment).values(status="SLEEPING"))
            clicking = asyncio.create_task(there.member.click(root(there), "Sleep"))
            await somebody_waits(database)
        await clicking
        await there.slack.until(lambda: whispers(there))
        assert whispers(there)[-1] == snapshot("It is sleeping now, so there was nothing to do.")
    await database.close()


async def somebody_waits(database: Database) -> None:
    """Return once somebody waits for a row that another transaction holds."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(10), database.read() as session:
        while not await session.scalar(waiting):
            # Each look is a transaction of its own.
            await session.rollback()
