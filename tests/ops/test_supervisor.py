import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import aiohttp
import pytest

from bot.db.claims import Claim, ClaimableTable
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.inference_tables import PromptRequest, SmokeTest
from bot.db.message_tables import Channel
from bot.db.operation_tables import Schedule
from bot.db.session import Database
from bot.ops.dependencies import Dependencies
from bot.ops.health import health_routes
from bot.ops.supervisor import Supervisor, Workers
from bot.sandbox.environment import Environment
from bot.slack.clients import SlackClients
from bot.slack.http_server import listening
from bot.workers.claim_loop import Worker
from tests.client import get, wait_for_response


async def idle(_claim: Claim) -> None:
    """There is nothing to do in these tests."""


def worker(name: str, database: Database, table: ClaimableTable) -> Worker:
    return Worker(name, database, table, idle, lease=timedelta(seconds=5), concurrency=1)


@pytest.fixture
async def store(env: Environment) -> AsyncIterator[Database]:
    opened = Database(env.database)
    yield opened
    await opened.close()


@pytest.fixture
async def dependencies(env: Environment, store: Database) -> AsyncIterator[Dependencies]:
    settings = env.settings()
    clients = SlackClients(settings.slack_bot_token, settings.slack_api_url, timeout=2)
    made = Dependencies(settings, store, clients, None)
    yield made
    await made.stop()
    await clients.close()


def workers(store: Database, submitted: ClaimableTable = Deployment) -> Workers:
    return Workers(
        worker("deployments", store, submitted),
        worker("poller", store, WatchedProject),
        worker("delivery", store, Channel),
        worker("scheduler", store, Schedule),
        worker("smoke_tester", store, SmokeTest),
        worker("prompt_recovery", store, PromptRequest),
    )


async def test_a_worker_that_breaks_is_told_to_those_who_ask_after_our_health(
    store: Database, dependencies: Dependencies
) -> None:
    """Nothing inside can mend it: an orchestrator starts the process anew."""
    broken = cast("ClaimableTable", object)
    supervisor = Supervisor(store, workers(store, broken), dependencies, timeout=1)
    routes = health_routes(supervisor.is_complete, {})
    async with (
        listening(routes, host="127.0.0.1", port=0) as url,
        aiohttp.ClientSession() as http,
    ):
        assert await get(http, f"{url}/healthz") == (200, {"ok": True})
        dependencies.database.reached.set()
        await wait_for_response(http, f"{url}/healthz", (503, {"ok": False}))
        await supervisor.stop()


async def test_workers_that_still_wait_end_at_once(
    store: Database, dependencies: Dependencies
) -> None:
    """A database that was never there doesn't hold up the end."""
    supervisor = Supervisor(store, workers(store), dependencies, timeout=60)
    assert supervisor.is_complete()
    async with asyncio.timeout(5):
        await supervisor.stop()
