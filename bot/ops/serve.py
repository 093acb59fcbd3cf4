"""`serve`: runs the bot until the process is told to stop."""

import asyncio
import contextlib
import signal
from types import FrameType

from bot.app import serving
from bot.config import Settings


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or Ctrl-C.

    Raises:
        ConfigError: A setting can't be used.
    """
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(_serve_until_cancelled(settings))

    def stop(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(running.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _serve_until_cancelled(settings: Settings) -> None:
    async with serving(settings):
        await asyncio.Event().wait()
