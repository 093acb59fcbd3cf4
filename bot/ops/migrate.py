"""`migrate`: migrates the database."""

from bot.config import DatabaseSettings
from bot.db.startup import opened, prepare


async def migrate(settings: DatabaseSettings) -> None:
    """Create the database, or migrate its tables.

    Raises:
        ConfigError: It can't be used, or can't be reached now.
    """
    async with opened(settings) as database:
        await prepare(database, settings)
