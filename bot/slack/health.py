"""What a load balancer or an orchestrator asks: whether we live, and whether we are ready."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot.db.clock import now
from bot.db.session import Database
from bot.single_flight import SingleFlight

# Kubernetes waits for a second by default.
_ANSWER_SECONDS = 0.9

Check = Callable[[], Awaitable[bool | str]]
"""Whether something is as it should be; a text says why it isn't."""


def health_routes(alive: Callable[[], bool], ready: Mapping[str, Check]) -> list[web.RouteDef]:
    """The routes `/healthz` and `/readyz`.

    Args:
        alive: Whether everything that should run for ever still does; if not, only a restart
            helps.
        ready: What we need from outside, each with whether it is there now.
    """

    async def healthz(_request: web.Request) -> web.Response:
        lives = alive()
        return web.json_response({"ok": lives}, status=200 if lives else 503)

    async def ask() -> dict[str, bool | str]:
        answers = await asyncio.gather(*(_in_time(check) for check in ready.values()))
        return dict(zip(ready, answers, strict=True))

    # Anybody may ask: however many do, the database is asked by one.
    asking = SingleFlight(ask)

    async def readyz(_request: web.Request) -> web.Response:
        parts = await asking()
        is_ready = all(part is True for part in parts.values())
        return web.json_response(parts, status=200 if is_ready else 503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


async def answers(database: Database) -> bool:
    """Whether the database answers a query."""
    try:
        async with database.read() as session:
            await session.execute(select(now()))
    except (DBAPIError, OSError):
        return False
    return True


async def _in_time(check: Check) -> bool | str:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await check()
    except TimeoutError:
        return False
