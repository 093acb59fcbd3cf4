"""What a load balancer or an orchestrator asks: whether we live, and whether we are ready."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot.db.clock import now
from bot.db.session import Database
from bot.slack.workspaces import Workspaces


def health_routes(
    database: Database, workspaces: Workspaces, connected: Callable[[], Awaitable[bool]]
) -> list[web.RouteDef]:
    """The routes `/healthz` and `/readyz`.

    Args:
        database: Ready once it answers.
        workspaces: Ready once Slack has taken our token.
        connected: Whether Socket Mode, if it is used, has its connection.
    """

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_request: web.Request) -> web.Response:
        parts = {
            "database": await _answers(database),
            "slack": workspaces.is_known,
            "connection": await connected(),
        }
        return web.json_response(parts, status=200 if all(parts.values()) else 503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


async def _answers(database: Database) -> bool:
    try:
        async with database.read() as session:
            await session.execute(select(now()))
    except (DBAPIError, OSError, TimeoutError):
        return False
    return True
