"""A running bot to attack, whose logs and tasks are watched."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.sandbox.world import World, connect
from tests.attacks.siege import Siege
from tests.conftest import StartBot


@pytest.fixture
async def siege(
    here: World, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Siege]:
    """A running bot whose channel is connected to the sandbox's project as `prod`."""
    leaks: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: leaks.append(str(context)))
    try:
        with capture_logs() as logged:
            async with (
                start_bot(poll_seconds_moving=0.5, poll_seconds_steady=0.5) as bot,
                aiohttp.ClientSession() as http,
            ):
                await connect(here)
                yield (siege := Siege(here, bot, http, logged, leaks))
                await siege.settled()
                await siege.nothing_half()
        gc.collect()  # a task that failed unseen tells when it goes
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    siege.check()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
