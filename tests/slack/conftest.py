"""The outgoing side, on each kind of database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bot.app import running
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect, world
from tests.conftest import QUICK, UNHURRIED
from tests.slack.outgoing import Outgoing


@pytest.fixture
async def somewhere(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, and an empty database of each kind."""
    async with world(database_url, speed=0, limits=UNHURRIED) as made:
        yield made


@pytest.fixture
async def outgoing(database: Database, somewhere: Environment) -> AsyncIterator[Outgoing]:
    """The outgoing side alone."""
    settings = somewhere.settings(**QUICK).model_copy(
        update={
            # What is due is due at once, so that a test that goes step by step misses nothing.
            "slack_message_interval": 0.0,
            "slack_edit_interval": 0.0,
            # Tests end leases themselves, and stall requests for as long as they like.
            "lease": 60.0,
            "slack_timeout": 30.0,
        }
    )
    async with AsyncExitStack() as stack:
        yield Outgoing(somewhere, database, settings, stack)


@pytest.fixture
async def whole_bot(somewhere: Environment) -> AsyncIterator[Environment]:
    """Both sandboxes with a bot at work, whose channel is connected as `prod`."""
    async with running(somewhere.settings(**QUICK)) as bot:
        somewhere.slack.events_url = bot.events_url
        await connect(somewhere)
        yield somewhere
