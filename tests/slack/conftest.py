"""Fixtures for delivery, on each database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bot.app import running
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect, open_environment
from tests.conftest import NO_LIMITS, SHORT_WAITS
from tests.slack.harness import Harness


@pytest.fixture
async def database_env(database_url: str) -> AsyncIterator[Environment]:
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        yield made


@pytest.fixture
async def delivery(database: Database, database_env: Environment) -> AsyncIterator[Harness]:
    settings = database_env.settings(**SHORT_WAITS).model_copy(
        update={
            # Otherwise stepping would leave messages that aren't due yet.
            "slack_message_interval": 0.0,
            "slack_edit_interval": 0.0,
            # Tests end leases themselves, and hold requests.
            "lease": 60.0,
            "slack_timeout": 30.0,
        }
    )
    async with AsyncExitStack() as stack:
        yield Harness(database_env, database, settings, stack)


@pytest.fixture
async def running_bot(database_env: Environment) -> AsyncIterator[Environment]:
    """Both sandboxes with a running bot; its channel is connected as `prod`."""
    async with running(database_env.settings(**SHORT_WAITS)) as bot:
        database_env.slack.events_url = bot.events_url
        await connect(database_env)
        yield database_env
