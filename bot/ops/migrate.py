"""`migrate`: migrates the database."""

from bot.config import DatabaseSettings
from bot.db.startup import opened, prepare


async def migrate(settings: DatabaseSettings) -> None:
    """Create the database, or migrate its tables, or raise ConfigError."""
    async with opened(settings) as database:
        await prepare(database, settings)
