from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import KEY, NO_TLS, PROJECT, TEAM


@pytest.fixture
def clock() -> SandboxClock:
    """A clock that stands still."""
    return SandboxClock(speed=0, start=datetime(2026, 10, 2, 9, 0, 0, 250_000, tzinfo=UTC))


@pytest.fixture
async def sandbox(clock: SandboxClock) -> AsyncIterator[FriendliSandbox]:
    """A sandbox with one project and one key."""
    async with FriendliSandbox(clock=clock) as sandbox:
        sandbox.add_project(PROJECT, TEAM)
        sandbox.add_key(KEY, team_id=TEAM)
        yield sandbox


@pytest.fixture
async def api(sandbox: FriendliSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client with that key."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(
        base_url=sandbox.url, headers=headers, timeout=5, verify=NO_TLS
    ) as client:
        yield client
