"""How Alembic reaches the database: the bot's own connection, or the DATABASE_URL setting."""

import asyncio
import os
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from bot.db import (
    heartbeats,  # noqa: F401 - they declare the tables
)
from bot.db.base import Base
from bot.db.clock import Moment
from bot.db.enum_column import Enumerated
from bot.db.session import Database


def render_item(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write our own column types into migrations as what they are stored as."""
    if kind != "type":
        return False
    match item:
        case Moment():
            return "sa.BigInteger()"
        case Enumerated():
            return "sa.Text()"
        case _:
            return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite can't alter most columns in place; Alembic then copies the table.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    database = Database(os.environ["DATABASE_URL"])
    async with database.connection() as connection:
        await connection.run_sync(run)
    await database.close()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_alone())
