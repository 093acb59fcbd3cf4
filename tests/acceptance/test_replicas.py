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
from bot.sandbox.environment import (
    API_KEY,
    APP_TOKEN,
    PROJECT,
    Environment,
    connect,
    open_environment,
)
from tests.acceptance.thread_assertions import ephemeral_texts, root, terminate, thread
from tests.client import get
from tests.conftest import NO_LIMITS, SHORT_WAITS

LINE = "org/model --gpu H100 --replicas 1 --name it --yes"
MODES: dict[str, dict[str, object]] = {
    "http": {},
    "socket": {"slack_app_token": APP_TOKEN, "slack_signing_secret": None},
}


@pytest.fixture
async def env(postgresql_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a PostgreSQL database."""
    async with open_environment(postgresql_url, speed=0, limits=NO_LIMITS) as made:
        yield made


@asynccontextmanager
async def replicas(
    env: Environment, *roles: str, **settings: object
) -> AsyncIterator[list[Running]]:
    """Bots of these roles in one world, each with its own connections to everything."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                running(env.settings(**SHORT_WAITS, **settings, role=role))
            )
            for role in roles
        ]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_a_front_and_a_worker_do_together_what_one_bot_does(
    env: Environment, mode: dict[str, object]
) -> None:
    """From the command to the ready thread, and to the end that a click asks for."""
    async with replicas(env, "web", "worker", **mode) as [front, _]:
        env.slack.events_url = None if mode else front.events_url
        assert env.slack.connections == bool(mode)
        await connect(env)
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: thread(env))
        env.clock.advance(600)
        await env.slack.until(lambda: "live" in thread(env)[-1])
        await env.slack.until(lambda: "Terminate" in root(env).buttons)
        await terminate(env)
        await env.friendli.until(
            lambda: any(one.operation == "terminate_endpoint" for one in env.friendli.requests)
        )
    assert env.slack.protocol_errors == []


async def test_a_front_alone_writes_down_what_a_worker_finds_later(env: Environment) -> None:
    """Nothing is posted and nothing made until there is a worker; then all of it is."""
    async with replicas(env, "web") as [front]:
        env.slack.events_url = front.events_url
        # A worker announces it.
        await connect(env, announced=False)
        asked = len(env.friendli.requests)
        assert (await env.member.command(env.channel, LINE)).ok
        async with aiohttp.ClientSession() as http:
            assert await get(http, f"{front.url}/healthz") == (200, {"ok": True})
    assert len(env.friendli.requests) == asked
    assert not env.channel.messages
    async with replicas(env, "worker"):
        await env.slack.until(lambda: thread(env))
    assert len(env.friendli.endpoints) == 1


async def test_a_worker_takes_nothing_from_slack(env: Environment) -> None:
    """It has no address for events, and needs no secret to check them with; it can be asked how it is."""
    async with (
        replicas(env, "worker", slack_signing_secret=None) as [worker],
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
    env: Environment, mode: dict[str, object]
) -> None:
    """What one opened another takes: each form, submission and click goes to the next replica."""
    async with replicas(env, "all", "all", "all", **mode) as bots:
        turn = 0

        def next_replica() -> None:
            nonlocal turn
            turn += 1
            env.slack.events_url = None if mode else bots[turn % len(bots)].events_url

        next_replica()
        await env.admin.command(env.channel, "connect prod")
        await env.slack.until(lambda: env.admin.modal)
        next_replica()
        await env.admin.fill("Friendli project id", PROJECT)
        await env.admin.fill("Personal API key (flp_…)", API_KEY)
        await env.admin.submit()
        await env.admin.close_modal()
        next_replica()
        await env.member.command(env.channel, "")
        await env.slack.until(lambda: env.member.modal)
        next_replica()
        await env.member.fill("Model", "org/model")
        next_replica()
        await env.member.fill("Instance", "2 × H100 · 160 GB · $10.00/h")
        next_replica()
        await env.member.submit()
        next_replica()
        await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
        await env.member.click(root(env), "Cancel")
        await env.slack.until(lambda: "asked to" in " ".join(thread(env)))
        next_replica()
        await env.member.command(env.channel, LINE)
        await env.friendli.until(lambda: len(env.friendli.endpoints) == 2)
    creates = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert len(creates) == 2
    assert env.slack.protocol_errors == []


async def test_a_click_waits_for_whoever_changes_the_endpoint(env: Environment) -> None:
    """Otherwise it would be judged, and the root drawn, by what was so before."""
    database = Database(env.database)
    async with replicas(env, "all") as [bot]:
        env.slack.events_url = bot.events_url
        await connect(env)
        await env.member.command(env.channel, LINE)
        await env.friendli.until(lambda: env.friendli.endpoints)
        env.clock.advance(600)
        await env.slack.until(lambda: "Sleep" in root(env).buttons)
        async with database.write() as session:
            await session.execute(update(Deployment).values(status="SLEEPING"))
            clicking = asyncio.create_task(env.member.click(root(env), "Sleep"))
            await somebody_waits(database)
        await clicking
        await env.slack.until(lambda: ephemeral_texts(env))
        assert ephemeral_texts(env)[-1] == snapshot("It is already asleep.")
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
