from collections.abc import AsyncIterator

import pytest

from tests.friendli.loopback import ScriptedApi


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    """A server on loopback that answers what the test asks for."""
    async with ScriptedApi.serve() as served:
        yield served
