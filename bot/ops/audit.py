"""`audit export`: the audit as lines of JSON."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from bot.config import DatabaseSettings
from bot.db.startup import opened
from bot.domain.errors import ConfigError
from bot.services.audit import Audit, to_json


async def export_audit(
    settings: DatabaseSettings, since: datetime | None, write: Callable[[str], object]
) -> None:
    """Write each entry from `since` on as one line, oldest first, or raise ConfigError."""
    async with opened(settings, create=False) as database:
        try:
            async for entry in Audit(database).since(since):
                write(to_json(entry))
        except (DBAPIError, ConnectionRefusedError, TimeoutError) as error:
            name = type(error).__name__
            problem = f"The audit can't be read ({name}). Run `friendli-deploy doctor`."
            raise ConfigError([problem]) from None
