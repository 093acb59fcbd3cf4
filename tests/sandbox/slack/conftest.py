"""A workspace without rate limits, for tests that ask for nothing else."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.slack.scene import Scene, stage


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A workspace without rate limits, with an app, a channel and a person."""
    async with stage() as scene:
        yield scene
