import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import aiohttp
import pytest

from bot.crew import Crew, Workers
from bot.db.acts import Schedule
from bot.db.claims import Claim, Claimable
from bot.db.conversations import Channel
from bot.db.models import Deployment, WatchedProject
from bot.db.session import Database
from bot.deployments.worker import Worker
from bot.outside import Outside
from bot.sandbox.world import World
from bot.slack.health import health_routes
from bot.slack.workspaces import Workspaces
from bot.web import listening
from tests.asking import becomes, get


async def idle(_claim: Claim) -> None:
    """There is nothing to do in these tests."""


def worker(name: str, database: Database, table: Claimable) -> Worker:
    return Worker(name, database, table, idle, lease=timedelta(seconds=5), concurrency=1)


@pytest.fixture
async def store(here: World) -> AsyncIterator[Database]:
    opened = Database(here.database)
    yield opened
    await opened.close()


@pytest.fixture
async def outside(here: World, store: Database) -> AsyncIterator[Outside]:
    settings = here.settings()
    workspaces = Workspaces(settings.slack_bot_token, settings.slack_api_url, timeout=2)
    made = Outside(settings, store, workspaces, None)
    yield made
    await made.stop()
    await workspaces.close()


def workers(store: Database, submitted: Claimable = Deployment) -> Workers:
    return Workers(
        worker("submitter", store, submitted),
        worker("tracker", store, WatchedProject),
        worker("sender", store, Channel),
        worker("scheduler", store, Schedule),
    )


async def test_a_worker_that_breaks_is_told_to_those_who_ask_after_our_health(
    store: Database, outside: Outside
) -> None:
    """Nothing inside can mend it: an orchestrator starts the process anew."""
    broken = cast("Claimable", object)
    crew = Crew(store, workers(store, broken), outside, patience=1)
    routes = health_routes(crew.is_complete, {})
    async with (
        listening(routes, host="127.0.0.1", port=0) as url,
        aiohttp.ClientSession() as http,
    ):
        assert await get(http, f"{url}/healthz") == (200, {"ok": True})
        outside.database.reached.set()
        await becomes(http, f"{url}/healthz", (503, {"ok": False}))
        await crew.stop()


async def test_workers_that_still_wait_end_at_once(store: Database, outside: Outside) -> None:
    """A database that was never there doesn't hold up the end."""
    crew = Crew(store, workers(store), outside, patience=60)
    assert crew.is_complete()
    async with asyncio.timeout(5):
        await crew.stop()
