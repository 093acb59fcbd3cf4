"""Connections to the database: one object that opens reading and writing transactions."""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine, Row, Select, make_url
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)
from sqlalchemy.util.concurrency import greenlet_spawn

from bot.db import postgresql, sqlite

_DUE_TABLES = "tables with rows made due"
_READING_THREADS = 4

_Columns = TypeVarTuple("_Columns")
_Arguments = TypeVarTuple("_Arguments")
_T = TypeVar("_T")
_Work = Callable[[AsyncSession], Coroutine[object, object, _T]]


class Database:
    """A pool of connections to one SQLite file or one PostgreSQL database.

    Args:
        url: `sqlite:///path` or `postgresql://…`; the driver is chosen here.

    Raises:
        AddressError: A parameter of a PostgreSQL address can't be used.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._reading_engine = _reading_engine(self.engine, url)
        # On SQLite, what runs in a thread as a whole isn't handed over once for each statement.
        self._thread_engine = _thread_engine(url, durable=True)
        self._claiming_engine = _thread_engine(url, durable=False)
        self._writer = ThreadPoolExecutor(1, "writer")
        self._readers = ThreadPoolExecutor(_READING_THREADS, "reader")
        self._running: set[asyncio.Future[Any]] = set()
        self._turns = _Turns() if self.is_sqlite else None
        self._subscribers: dict[type, list[Callable[[], None]]] = {}

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a single-process SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self, *, streams: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session that only reads; nothing is committed.

        Args:
            streams: Whether rows are read a few at a time, for which PostgreSQL needs a
                transaction.
        """
        engine = self.engine if streams else self._reading_engine
        async with AsyncSession(engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session in a writing transaction; it commits when the block ends normally."""
        async with (
            self._writing() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            async with session.begin():
                yield session
            self._notify(session.info.get(_DUE_TABLES, ()))

    async def transact(self, work: _Work[_T]) -> _T:
        """Run a writing transaction, and return what `work` returns once it is committed.

        It goes before the transactions of `write` that wait. On SQLite a thread runs it whole:
        `work` must await nothing but its session, and ends even if the caller is cancelled.
        """
        if self._thread_engine is None or self._turns is None:
            async with self.write() as session:
                return await work(session)
        turn = self._turns.next

        def ended(running: asyncio.Future[tuple[_T, Iterable[type]]]) -> None:
            turn.release()
            if not running.cancelled() and running.exception() is None:
                self._notify(running.result()[1])

        context = contextvars.copy_context()
        await turn.acquire()
        running = self._submit(self._writer, context.run, _in_session, self._thread_engine, work)
        running.add_done_callback(ended)
        result, _ = await asyncio.shield(running)
        # What was bound for log lines in the thread is bound here too.
        for variable, value in context.items():
            if variable.get(None) is not value:
                variable.set(value)
        return result

    def subscribe(self, table: type, notify: Callable[[], None]) -> None:
        """Call `notify` after each commit that made rows of a table due."""
        self._subscribers.setdefault(table, []).append(notify)

    def _notify(self, tables: Iterable[type]) -> None:
        for table in tables:
            for notify in self._subscribers.get(table, ()):
                notify()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare writing transaction, without a session's cost."""
        async with self._writing() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        turn = contextlib.nullcontext() if self._turns is None else self._turns.turn()
        async with turn, self.engine.connect() as plain:
            yield await plain.execution_options(**{sqlite.BEGIN_IMMEDIATE: True})

    async def rows(
        self, statement: Select[*_Columns], parameters: Mapping[str, object] | None = None
    ) -> Sequence[Row[*_Columns]]:
        """Run one statement that reads, and return its rows."""
        if self._thread_engine is not None:
            running = self._submit(self._readers, _rows, self._thread_engine, statement, parameters)
            return await asyncio.shield(running)
        async with self._reading_engine.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    async def at_once(self, work: Callable[[Connection], _T]) -> _T:
        """Run a short writing transaction of a few statements, and return what it returns.

        If the machine fails, SQLite may lose it, unless a transaction of another kind followed. It
        is for claims, which mean nothing after such a failure, and not for what people asked for.
        """
        if self._claiming_engine is None or self._turns is None:
            async with self.connection() as connection:
                return await connection.run_sync(work)
        async with self._turns.turn():
            running = self._submit(self._writer, _in_transaction, self._claiming_engine, work)
            return await asyncio.shield(running)

    async def close(self) -> None:
        """Close every connection, also those whose statement nobody waits for any more."""
        # A thread can't be cancelled, and the pool forgets a connection that is still in use.
        await asyncio.gather(*self._running, return_exceptions=True)
        for engine in (self._thread_engine, self._claiming_engine):
            if engine is not None:
                engine.dispose()
        await self.engine.dispose()
        for executor in (self._writer, self._readers):
            executor.shutdown(wait=False)

    def _submit(
        self, executor: Executor, work: Callable[[*_Arguments], _T], *arguments: *_Arguments
    ) -> asyncio.Future[_T]:
        running = asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
        self._running.add(running)
        running.add_done_callback(self._ended)
        return running

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            # If the caller was cancelled, nobody else reads its exception.
            running.exception()


class _Turns:
    """Queues writers in this process: SQLite has one at a time, and lets the others poll.

    Attributes:
        next: Held by the writer. Of those who go through `turn`, one at most waits for it, so
            a caller that acquires it directly goes before the others.
    """

    def __init__(self) -> None:
        self.next = asyncio.Lock()
        self._queue = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and keep it until the block ends."""
        async with self._queue, self.next:
            yield


def notify_on_commit(session: AsyncSession, table: type) -> None:
    """Let this process's workers look for due rows of a table once the transaction is committed.

    Nothing depends on it: the next scan finds the rows, here or in another process.
    """
    session.info.setdefault(_DUE_TABLES, set()).add(table)


def _engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite.async_engine(parsed)
    engine = create_async_engine(
        **postgresql.engine_arguments(parsed), hide_parameters=True, pool_size=10, max_overflow=10
    )
    postgresql.replace_closed(engine)
    return engine


def _reading_engine(engine: AsyncEngine, url: str) -> AsyncEngine:
    """The engine for reads.

    PostgreSQL shows what is committed when a statement begins, with or without a transaction, which
    takes two more round trips. Behind a pooler, a statement without one may run elsewhere than it
    was prepared.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" or postgresql.is_pooled(parsed):
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _thread_engine(url: str, *, durable: bool) -> Engine | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return sqlite.thread_engine(parsed, durable=durable)


def _rows(
    engine: Engine, statement: Select[*_Columns], parameters: Mapping[str, object] | None
) -> Sequence[Row[*_Columns]]:
    with engine.connect() as connection:
        return connection.execute(statement, parameters).all()


def _in_transaction(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    with _writing(engine) as connection, connection.begin():
        return work(connection)


class _ThreadSession(AsyncSession):
    """A session on a connection of the thread that runs it: nothing that it awaits ever waits."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(expire_on_commit=False)
        self.sync_session.bind = connection

    async def execute(self, statement: Any, params: Any = None, **named: Any) -> Any:  # noqa: ANN401
        # The base class closes the driver's cursor, for which only asynchronous ones have a way.
        return await greenlet_spawn(self.sync_session.execute, statement, params=params, **named)


def _in_session(engine: Engine, work: _Work[_T]) -> tuple[_T, Iterable[type]]:
    """Run a transaction's coroutine to its end; return what it returned and the tables made due."""

    async def transaction() -> tuple[_T, Iterable[type]]:
        # Only its plain session may be closed here: the asynchronous one needs an event loop.
        with session.sync_session:
            result = await work(session)
            await session.commit()
            return result, session.info.get(_DUE_TABLES, ())

    with _writing(engine) as connection:
        session = _ThreadSession(connection)
        running = transaction()
        try:
            running.send(None)
        except StopIteration as end:
            returned: tuple[_T, Iterable[type]] = end.value
            return returned
        running.close()
        raise RuntimeError("a transaction waited for something other than its session")


def _writing(engine: Engine) -> Connection:
    return engine.connect().execution_options(**{sqlite.BEGIN_IMMEDIATE: True})
