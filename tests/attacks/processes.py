"""Bots in separate processes, under resource limits."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.environment import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Environment
from tests.benchmarks.process import environment

_PAGE = resource.getpagesize()
_START_TIMEOUT = 40.0


@dataclass(frozen=True, slots=True)
class BotProcess:
    """A running `serve`."""

    url: str
    log: Path
    pid: int

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE

    @property
    def descriptors(self) -> int:
        """Open file descriptors."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@asynccontextmanager
async def bot_process(
    env: Environment, folder: Path, *, descriptors: int, socket_mode: bool = False, **settings: str
) -> AsyncIterator[BotProcess]:
    """Run a bot in this environment until the block ends.

    Args:
        folder: The folder of its log.
        descriptors: How many files it may open.
        settings: Settings that differ from their defaults, by their names in the environment.
    """
    way_in = (
        {"SLACK_APP_TOKEN": APP_TOKEN} if socket_mode else {"SLACK_SIGNING_SECRET": SIGNING_SECRET}
    )
    log = folder / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f'ulimit -n {descriptors}; exec "$0" -m bot serve', sys.executable),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=environment(
                **{
                    "SLACK_BOT_TOKEN": BOT_TOKEN,
                    "SLACK_API_URL": f"{env.slack.url}/api/",
                    "FRIENDLI_API_URL": env.friendli.url,
                    "HF_ENDPOINT": env.hub.url,
                    "DATABASE_URL": env.database,
                    "ENCRYPTION_KEYS": env.encryption_key.get_secret_value(),
                    "PORT": "0",
                    "LOG_LEVEL": "INFO",
                    **way_in,
                    **settings,
                }
            ),
        )
    try:
        bot = BotProcess(await _url_of(process, log), log, process.pid)
        if not socket_mode:
            env.slack.events_url = f"{bot.url}/slack/events"
        yield bot
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _url_of(process: asyncio.subprocess.Process, log: Path) -> str:
    ends = time.monotonic() + _START_TIMEOUT
    while process.returncode is None and time.monotonic() < ends:
        for said in _logged(log):
            if said.get("event") == "running":
                return str(said["url"])
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the bot didn't start: {_logged(log)}")


def _logged(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
