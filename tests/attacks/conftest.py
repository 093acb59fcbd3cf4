"""A running bot to attack, whose logs and tasks are watched."""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.sandbox.world import World, connect
from tests.attacks.siege import Siege
from tests.conftest import StartBot


def _with_error(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep the exception itself, which is gone by the time that anybody looks at the event."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()[1]
    return event


@pytest.fixture
async def siege(
    here: World, start_bot: StartBot, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Siege]:
    """A running bot whose channel is connected to the sandbox's project as `prod`."""
    leaks: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: leaks.append(str(context)))
    try:
        with capture_logs(processors=[_with_error]) as logged:
            async with (
                start_bot(poll_seconds_moving=5, poll_seconds_steady=5) as bot,
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
