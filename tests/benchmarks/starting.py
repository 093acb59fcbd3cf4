"""How soon a bot is ready after it was started, and how soon another takes over from a dead one."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import aiohttp

from tests.benchmarks.bots import settings_of
from tests.benchmarks.process import child, environment, free_port
from tests.benchmarks.seeding import seed
from tests.benchmarks.table import Row, at_most, of_rivals

_WITHIN = 60.0
# Longer than the heir takes to start, also on a machine that is busy with other things.
LEASE = 10.0
# What `serve` can't do without, imported and nothing else.
_DEPENDENCIES = (
    "import aiohttp, aiosqlite, alembic.command, asyncpg, cryptography.fernet, httpx, pydantic,"
    " pydantic_settings, rich, slack_bolt.async_app, slack_sdk.web.async_client, sqlalchemy.orm,"
    " sqlalchemy.ext.asyncio, stamina, structlog, typer"
)


async def start_up(folder: Path, *, turns: int) -> list[Row]:
    """Start `serve` and the bare import in turns."""
    async with child("outside", "1") as outside:
        _, settings = settings_of(
            str(outside.ready["url"]), f"sqlite:///{folder}/starting.sqlite3", PORT=str(free_port())
        )
        ours: list[float] = []
        bare: list[float] = []
        # The first time compiles what was never imported here.
        for turn in range(turns + 1):
            began = time.perf_counter()
            importing = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _DEPENDENCIES), env=environment()
            )
            await importing.wait()
            imported = time.perf_counter()
            async with _serving(settings):
                ready = time.perf_counter()
            if turn:
                bare.append(imported - began)
                ours.append(ready - imported)
    row = Row(
        "`serve`, until it is ready; beside importing its dependencies",
        *(median(ours), "s", median(bare), of_rivals(1.5)),
    )
    return [row]


@asynccontextmanager
async def _serving(settings: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`serve`, from when it is ready; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve"),
        env=environment(**settings),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            # Another process has no event of ours to wait for.
            while not await _is_ready(session, f"http://127.0.0.1:{settings['PORT']}/readyz"):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def take_over(postgresql: str, *, turns: int) -> list[Row]:
    """Kill a bot that has just claimed a project, and see when another one polls it.

    The API holds back the list that the first one asks for, so that it dies with the project in
    hand. What counts is the time since it asked: the claim was made right before.
    """
    took: list[float] = []
    async with child("outside", "1") as outside, aiohttp.ClientSession() as session:
        url = str(outside.ready["url"])
        values, settings = settings_of(
            *(url, postgresql), LEASE=str(LEASE), CREATE_TIMEOUT="2", SLACK_TIMEOUT="2"
        )
        await seed(values, projects=1, endpoints=1, channels=1)
        for _ in range(turns):
            await _ask(session, f"{url}/hold")
            async with _serving({**settings, "PORT": str(free_port())}) as dying:
                await _ask(session, f"{url}/held")
                claimed = time.perf_counter()
                async with _serving({**settings, "PORT": str(free_port())}):
                    dying.kill()
                    await _ask(session, f"{url}/listed")
                    took.append(time.perf_counter() - claimed)
    return [
        Row(
            f"Takeover after kill -9, with a lease of {LEASE:.0f} s: the slowest",
            *(max(took), "s", None, at_most(LEASE + 1)),
        )
    ]


async def _ask(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(_WITHIN), session.get(url) as answer:
        answer.raise_for_status()
