"""Detect that a database was restored from a backup.

An SQLite backup is marked when it is made. PostgreSQL restores a table under another object id than
the one kept in `origin`. Other copies (a snapshot of the disk, a restore to a point in time) are
marked with `friendli-deploy restored`.
"""

import sqlite3

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.db.session import Database

# SQLite's user_version, in the file's header, is free for the application.
_RESTORED = 1


class Origin(Base):
    """The one row that identifies this database."""

    __tablename__ = "origin"

    id: Mapped[int] = mapped_column(primary_key=True)
    # Of PostgreSQL: see `_identity`. '' for one that was restored.
    identity: Mapped[str]


def mark_backup(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {_RESTORED}")


async def mark_restored(database: Database) -> None:
    """Have the next start treat the database as restored."""
    async with database.write() as session:
        if database.is_sqlite:
            await session.execute(text(f"PRAGMA user_version = {_RESTORED}"))
        else:
            await session.merge(Origin(id=1, identity=""))


async def was_restored(session: AsyncSession, *, is_sqlite: bool) -> bool:
    """Whether the database was restored and not yet settled; concurrent callers wait."""
    if is_sqlite:
        version: int | None = await session.scalar(text("PRAGMA user_version"))
        return version == _RESTORED
    # Replicas that start at the same time take turns.
    await session.execute(text("LOCK TABLE origin IN SHARE ROW EXCLUSIVE MODE"))
    row = await session.get(Origin, 1)
    if row is None:
        session.add(Origin(id=1, identity=await _identity(session)))
        return False
    return row.identity != await _identity(session)


async def clear_mark(session: AsyncSession, *, is_sqlite: bool) -> None:
    if is_sqlite:
        await session.execute(text("PRAGMA user_version = 0"))
    else:
        await session.merge(Origin(id=1, identity=await _identity(session)))


async def _identity(session: AsyncSession) -> str:
    """Of the server, where it may be read, and of the table, which a restore creates anew."""
    may_ask = await session.scalar(
        text("SELECT has_function_privilege('pg_control_system()', 'execute')")
    )
    server = (
        await session.scalar(text("SELECT system_identifier::text FROM pg_control_system()"))
        if may_ask
        else ""
    )
    table = await session.scalar(
        text(
            "SELECT (SELECT oid FROM pg_database WHERE datname = current_database())::text"
            " || '/' || 'origin'::regclass::oid::text"
        )
    )
    return f"{server}/{table}"
