"""`migrate`: brings the database's tables up to date."""

from bot.config import DatabaseSettings
from bot.db.startup import opened, prepare


async def migrate(settings: DatabaseSettings) -> None:
    """Create the database, or bring its tables up to date.

    Raises:
        ConfigError: It can't be used, or can't be reached now.
    """
    async with opened(settings) as database:
        await prepare(database, settings)
