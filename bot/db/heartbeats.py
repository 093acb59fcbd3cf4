"""Live processes on this database, by heartbeats."""

import os
import socket
import uuid
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

import structlog
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base
from bot.db.clock import after, now
from bot.db.enum_column import Enumerated
from bot.db.schema_revision import REVISION, Schema
from bot.db.session import Database
from bot.domain.process.role import Role

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Missed heartbeats until a replica counts as gone.
REPORTS_BEFORE_SILENT = 6
# A replica that was only suspended finds its row again.
_FORGOTTEN_AFTER = 20


class Replica(Base):
    """A process on this database, as of its last heartbeat."""

    __tablename__ = "replicas"

    # Random, from the start of the process.
    id: Mapped[str] = mapped_column(primary_key=True)
    # Host and process id, for operators.
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(Enumerated(Role))
    version: Mapped[str]
    # Of its encryption keys, in order; see `bot.db.encryption`.
    key_fingerprints: Mapped[list[str]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Heartbeat:
    """Reports this process as live, and reads the database's schema revision.

    Args:
        silent_after: Seconds without a heartbeat after which a replica counts as gone.
    """

    def __init__(
        self,
        database: Database,
        schema: Schema,
        *,
        role: Role,
        key_fingerprints: Sequence[str],
        silent_after: float,
    ) -> None:
        self.id = uuid.uuid4().hex
        self._database = database
        self._schema = schema
        self._role = role
        self._key_fingerprints = list(key_fingerprints)
        self._silent_after = silent_after
        self._warned = False

    async def report(self) -> None:
        """Send one heartbeat, and delete replicas that were silent for long."""
        others, revision = await self._database.at_once(self._report)
        self._schema.compare(revision)
        first = self._key_fingerprints[0]
        without = [name for name, fingerprints in others if first not in fingerprints]
        if without and not self._warned:
            log.warning("replicas can't read what this one encrypts", without=without)
        self._warned = bool(without)

    def _report(self, connection: Connection) -> tuple[Sequence[Row[str, list[str]]], str]:
        known = connection.execute(
            update(Replica).where(Replica.id == self.id).values(seen_at=now()).returning(Replica.id)
        )
        if known.first() is None:
            connection.execute(insert(Replica).values(self._row()))
        connection.execute(
            delete(Replica).where(Replica.seen_at < after(-_FORGOTTEN_AFTER * self._silent_after))
        )
        others = connection.execute(
            select(Replica.name, Replica.key_fingerprints)
            .where(_is_live(self._silent_after))
            .order_by(Replica.started_at, Replica.id)
        ).all()
        return others, connection.execute(REVISION).scalar_one()

    async def withdraw(self) -> None:
        async with self._database.write() as session:
            await session.execute(delete(Replica).where(Replica.id == self.id))

    def _row(self) -> dict[str, object]:
        return {
            "id": self.id,
            "name": f"{socket.gethostname()}/{os.getpid()}",
            "role": self._role,
            "version": version("friendli-deploy"),
            "key_fingerprints": self._key_fingerprints,
            "started_at": now(),
            "seen_at": now(),
        }


def _is_live(silent_after: float) -> ColumnElement[bool]:
    return Replica.seen_at >= after(-silent_after)


async def live(session: AsyncSession, silent_after: float) -> Sequence[Replica]:
    """The replicas with a heartbeat within so many seconds."""
    return (
        await session.scalars(
            select(Replica).where(_is_live(silent_after)).order_by(Replica.started_at, Replica.id)
        )
    ).all()
