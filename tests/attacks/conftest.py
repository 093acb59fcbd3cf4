"""Bots to attack, with their logs and tasks captured."""

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
from bot.sandbox.environment import Environment, connect, open_environment
from tests import databases
from tests.attacks.harness import AttackHarness
from tests.conftest import NO_LIMITS, SHORT_WAITS, StartBot

SLOW_POLLING: dict[str, object] = {"poll_seconds_transitional": 5, "poll_seconds_stable": 5}


@dataclass(frozen=True, slots=True)
class SharedBot:
    """A running bot for all attacks of a file, on either kind of database."""

    env: Environment
    bot: Running
    http: aiohttp.ClientSession


def _with_error(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep the exception itself, which is gone when the event is checked."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()[1]
    return event


class ErrorCapture:
    """The bot's log events, and asyncio's complaints."""

    def __init__(self) -> None:
        self.logged: list[MutableMapping[str, Any]] = []
        self.leaks: list[str] = []


@asynccontextmanager
async def capture_errors() -> AsyncIterator[ErrorCapture]:
    """Capture log events and unhandled errors."""
    capture = ErrorCapture()
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: capture.leaks.append(str(context)))
    try:
        with capture_logs(processors=[_with_error]) as logged:
            capture.logged = logged
            yield capture
    finally:
        loop.set_exception_handler(before)


@asynccontextmanager
async def capture_errors_until_stopped() -> AsyncIterator[ErrorCapture]:
    """The same; also finds tasks that were left behind."""
    async with capture_errors() as capture:
        yield capture
        gc.collect()  # a failed task reports its exception when it is collected
        await asyncio.sleep(0)


@pytest.fixture
async def isolated_attack(
    env: Environment, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[AttackHarness]:
    """A running bot of the test's own, whose channel is connected to a project as `prod`."""
    async with (
        capture_errors_until_stopped() as capture,
        start_bot(**SLOW_POLLING) as bot,
        aiohttp.ClientSession() as http,
    ):
        await connect(env)
        yield (isolated_attack := AttackHarness(env, bot, http, capture.logged, capture.leaks))
        await isolated_attack.wait_until_idle()
        await isolated_attack.check_stored_rows()
    isolated_attack.check()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.fixture(scope="module")
def shared_sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """The URL of an empty migrated SQLite file."""
    with tempfile.TemporaryDirectory(prefix="attack", dir=databases.MEMORY) as folder:
        yield databases.copied_sqlite(sqlite_template, Path(folder))


@pytest.fixture(scope="module")
async def shared_postgresql_url(postgresql_server: str, postgresql_template: str) -> str:
    """The URL of an empty migrated PostgreSQL database."""
    return await databases.new_postgresql(postgresql_server, postgresql_template)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty migrated database of each kind."""
    url: str = request.getfixturevalue(f"shared_{request.param}_url")
    return url


@pytest.fixture(scope="module")
def settings_overrides() -> dict[str, object]:
    """Settings of a file's bot that differ: it polls rarely."""
    return SLOW_POLLING


@pytest.fixture(scope="module")
async def shared_bot(
    shared_database_url: str, settings_overrides: dict[str, object]
) -> AsyncIterator[SharedBot]:
    """One bot for all attacks of a file, as in production."""
    async with (
        open_environment(shared_database_url, speed=0, limits=NO_LIMITS) as env,
        capture_errors_until_stopped() as capture,
        running(env.settings(**{**SHORT_WAITS, **settings_overrides})) as bot,
        aiohttp.ClientSession() as http,
    ):
        env.slack.events_url = bot.events_url
        await connect(env)
        yield SharedBot(env, bot, http)
        # From here on it stops, with whatever is still in progress.
        isolated_attack = AttackHarness(env, bot, http, capture.logged, capture.leaks)
    isolated_attack.check()


@pytest.fixture
async def attack(
    shared_bot: SharedBot, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[AttackHarness]:
    """A test's attack on its file's bot."""
    async with capture_errors() as capture:
        isolated_attack = AttackHarness(
            shared_bot.env, shared_bot.bot, shared_bot.http, capture.logged, capture.leaks
        )
        if not await isolated_attack.is_connected():
            # The attack before this one may have disconnected the channel.
            await connect(shared_bot.env)
        yield isolated_attack
        await isolated_attack.wait_until_idle()
        await isolated_attack.check_stored_rows()
    isolated_attack.check()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
