"""Run as a process: a watcher of endpoints, ours or the rival.

The rival is what most people would write: for each endpoint a loop that asks for its status with
the official SDK, compares it with the one before, and sleeps.
"""

import asyncio
import logging
import random
import sys

from friendli.friendli import AsyncFriendli

from bot.app import serving
from bot.config import load
from bot.ops import logs
from tests.benchmarks.process import answer_marks
from tests.benchmarks.seeding import API_KEY


async def ours() -> None:
    """The whole bot, as `serve` runs it."""
    settings = load()
    logs.configure(settings.log_level)
    async with serving(settings) as bot:
        await answer_marks(url=bot.url)


async def rival(api: str, endpoints: int, cadence: float) -> None:
    """A loop for each endpoint."""
    # It warns that no team is named.
    logging.disable(logging.WARNING)
    async with AsyncFriendli(token=API_KEY.get_secret_value(), server_url=api) as friendli:

        async def watch(endpoint: str) -> None:
            before = None
            await asyncio.sleep(random.uniform(0, cadence))  # noqa: S311 - not a secret
            while True:
                status = await friendli.dedicated.endpoint.get_status(endpoint_id=endpoint)
                seen = (status.status, status.phase, status.error_code)
                if before is not None and seen != before:
                    raise RuntimeError(f"{endpoint} changed, and nothing should have")
                before = seen
                await asyncio.sleep(cadence)

        loops = [asyncio.create_task(watch(f"rival-{number}")) for number in range(endpoints)]
        await answer_marks()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["rival", api, endpoints, cadence]:
            asyncio.run(rival(api, int(endpoints), float(cadence)))
        case _:
            asyncio.run(ours())
