"""`/healthz` and `/readyz`, for load balancers and orchestrators."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.db.clock import now
from bot.db.session import Database
from bot.domain.process.single_flight import SingleFlight
from bot.services.friendli_health import is_friendli_answering

# Kubernetes waits for a second by default.
_ANSWER_SECONDS = 0.9

Check = Callable[[], Awaitable[bool | str | None]]
"""Whether something is as it should be; a text says why it isn't, None is unknown."""


def health_routes(
    alive: Callable[[], bool],
    ready: Mapping[str, Check],
    reported: Mapping[str, Check] | None = None,
) -> list[web.RouteDef]:
    """The routes `/healthz` and `/readyz`.

    Args:
        alive: Whether all permanent tasks run; if not, only a restart helps.
        reported: Checks that don't take the replica out of service: while Friendli is away,
            people in Slack must still be answered. None is unknown.
    """
    checks = {**ready, **(reported or {})}

    async def healthz(_request: web.Request) -> web.Response:
        lives = alive()
        return web.json_response({"ok": lives}, status=200 if lives else 503)

    async def ask() -> dict[str, bool | str | None]:
        is_database_up = await asyncio.gather(*(_in_time(check) for check in checks.values()))
        return dict(zip(checks, is_database_up, strict=True))

    # However many clients ask, the database gets one query.
    asking = SingleFlight(ask)

    async def readyz(_request: web.Request) -> web.Response:
        parts = await asking()
        is_ready = all(parts[name] is True for name in ready)
        return web.json_response(parts, status=200 if is_ready else 503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


async def is_database_up(database: Database) -> bool:
    try:
        async with database.read() as session:
            await session.execute(select(now()))
    except (DBAPIError, OSError):
        return False
    return True


async def is_friendli_up(database: Database, unready_after: float) -> bool | None:
    """Whether Friendli answered the last polls; None while the database doesn't answer."""
    try:
        async with database.read() as session:
            return await is_friendli_answering(session, unready_after)
    except (SQLAlchemyError, OSError):
        return None


async def _in_time(check: Check) -> bool | str | None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await check()
    except TimeoutError:
        return False
