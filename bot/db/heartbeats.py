"""Which processes live on this database: each says so of itself, every few seconds."""

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

# A replica says that it lives so often before it counts as gone.
REPORTS_BEFORE_SILENT = 6
# One that was only away for a while finds its row again.
_FORGOTTEN_AFTER = 20


class Replica(Base):
    """A process that runs on this database, as it last said of itself."""

    __tablename__ = "replicas"

    # Made up by the process when it starts.
    id: Mapped[str] = mapped_column(primary_key=True)
    # Its machine and its process id, for whoever has to find it.
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(Enumerated(Role))
    version: Mapped[str]
    # Of its encryption keys, in their order; see `bot.db.encryption`.
    key_fingerprints: Mapped[list[str]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Heartbeat:
    """Says that this process lives, and reads the schema revision that the database has by then.

    Args:
        schema: Told the database's revision.
        role: What it does.
        key_fingerprints: Of its encryption keys, in their order.
        silent_after: Seconds without a word after which a replica counts as gone.
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
        """Say so once, and forget those that were silent for long."""
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
            .where(_lives(self._silent_after))
            .order_by(Replica.started_at, Replica.id)
        ).all()
        return others, connection.execute(REVISION).scalar_one()

    async def withdraw(self) -> None:
        """Say that it ends."""
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


def _lives(silent_after: float) -> ColumnElement[bool]:
    return Replica.seen_at >= after(-silent_after)


async def live(session: AsyncSession, silent_after: float) -> Sequence[Replica]:
    """The replicas that have said that they live within so many seconds."""
    return (
        await session.scalars(
            select(Replica).where(_lives(silent_after)).order_by(Replica.started_at, Replica.id)
        )
    ).all()
