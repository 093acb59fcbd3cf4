"""Shared fixtures: both sandboxes, a bot on them, a real PostgreSQL."""

import gc
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from bot.app import Running, running
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect, open_environment
from bot.sandbox.slack.rate_limits import Limits
from tests import databases
from tests.messages.unread import unheard

databases.compile_once()

# Shared cores are slow at times, so examples have no deadline.
settings.register_profile("shared cores", deadline=None)
# `pytest -n 0 --timeout 0 --hypothesis-profile thorough tests/attacks` looks for new failures.
THOROUGH = "thorough"
settings.register_profile(THOROUGH, deadline=None)
settings.load_profile("shared cores")

# The bot's own waits, so short that no test waits for the clock.
SHORT_WAITS: dict[str, object] = {
    "poll_seconds_transitional": 0.02,
    "poll_seconds_stable": 0.05,
    "poll_seconds_ended": 0.05,
    "outage_notify_after": 0.2,
    # Long enough that a loaded machine doesn't look like an outage of the API.
    "create_give_up_after": 30.0,
    "friendli_retry_wait": 0.01,
    "gone_confirmed_after": 0.1,
    "unknown_notify_after": 0.1,
    "slack_message_interval": 0.001,
    "slack_edit_interval": 0.001,
    "slack_reconcile_over": 0.2,
    "slack_stopped_retry": 0.1,
    "slack_timeout": 2.0,
    "create_timeout": 1.0,
    "lease": 5.0,
    "reconnect_after": 0.05,
    "slack_stream_interval": 0.001,
    # Its own tests switch it on: to all others it would add a request and an edit.
    "smoke_test": False,
    "shutdown_timeout": 2.0,
    # A loaded machine is no slow database.
    "slow_notice_after": 60.0,
}
NO_LIMITS = Limits(enabled=False)

StartBot = Callable[..., AbstractAsyncContextManager[Running]]


def pytest_collection_finish() -> None:
    """Collect garbage less often, and never the imported modules: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Logs show tracebacks without variables, which take seconds to render."""
    *processors, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*processors, plain])


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that tests copy."""
    return await databases.migrated_sqlite(tmp_path_factory.mktemp("databases"))


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """The URL of an empty migrated SQLite file."""
    with tempfile.TemporaryDirectory(prefix="bot", dir=databases.MEMORY) as folder:
        yield databases.copied_sqlite(sqlite_template, Path(folder))


@pytest.fixture
async def env(sqlite_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on an SQLite file; Friendli's clock stands still until a test moves it."""
    async with open_environment(sqlite_url, speed=0, limits=NO_LIMITS) as made:
        yield made
        everything = [
            message
            for channel in made.slack.workspace.channels.values()
            for message in [*channel.messages.values(), *channel.ephemerals]
            if message.by_app and message.blocks
        ]
        assert [line for one in everything for line in unheard(one.text, one.blocks)] == []


@pytest.fixture
def start_bot(env: Environment) -> StartBot:
    """Start a bot in the environment; leaving the block stops it, and it can be started again."""

    @asynccontextmanager
    async def start(**overrides: object) -> AsyncIterator[Running]:
        settings = env.settings(**{**SHORT_WAITS, **overrides})
        async with running(settings) as bot:
            env.slack.events_url = None if settings.socket_mode else bot.events_url
            yield bot

    return start


@pytest.fixture
async def bot(env: Environment, start_bot: StartBot) -> AsyncIterator[Running]:
    """A running bot whose channel is connected to the sandbox's project as `prod`."""
    async with start_bot() as started:
        await connect(env)
        yield started


@pytest.fixture
async def short_timeout_bot(env: Environment, start_bot: StartBot) -> AsyncIterator[Running]:
    """The same with a create timeout of two seconds."""
    async with start_bot(create_give_up_after=2) as started:
        await connect(env)
        yield started


@pytest.fixture(scope="session")
def postgresql_server(testrun_uid: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, one for all workers of the test run."""
    turn = tmp_path_factory.getbasetemp().parent / "postgresql.lock"
    with databases.postgresql_server(testrun_uid[:8], turn) as url:
        yield url


@pytest.fixture(scope="session")
async def postgresql_template(postgresql_server: str) -> str:
    """The name of a migrated database that tests copy."""
    return await databases.migrated_postgresql(postgresql_server)


@pytest.fixture
async def postgresql_url(postgresql_server: str, postgresql_template: str) -> str:
    """The URL of an empty migrated PostgreSQL database."""
    return await databases.new_postgresql(postgresql_server, postgresql_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty migrated database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database of each kind."""
    opened = Database(database_url)
    yield opened
    await opened.close()
