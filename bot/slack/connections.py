"""Accepts HTTP connections, and closes those that keep the server waiting or that take its room.

asyncio's server accepts until the process has no descriptors left, and aiohttp's gives a request
all the time that it wants. Anybody can open connections; only Slack can sign a request. So a new
connection always gets in: if there is no room, the one that has waited longest without a signed
request is closed. A connection that sends its request at once never waits long.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError

from bot.domain.process.file_descriptors import share

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

HEAD_SECONDS = 5.0
"""From the connection, or from the first byte of a later request, to the end of the head."""
REQUEST_SECONDS = 10.0
"""From the end of the head to the answer, for a request that Slack hasn't signed."""
SIGNED_SECONDS = 60.0
"""The same for one that Slack has signed, which is never cut short by others."""
KEEPALIVE_SECONDS = 75.0
"""For an idle connection of Slack's: longer than the 60 s for which proxies usually keep theirs."""
STRANGER_KEEPALIVE_SECONDS = 10.0
"""For one that never brought a signed request."""

MAX_CONNECTIONS = 256
# Of these, so many stay free of signed requests, for health checks.
_ROOM = 8
# Bytes of bodies that are being read and aren't known to be Slack's, over all connections.
_MAX_UNSIGNED_BYTES = 32 * 1024 * 1024
# The kernel keeps so many connections until they are accepted.
_BACKLOG = 1024
_SWEEP_SECONDS = 0.5
# What accept() says when the process or the machine has no room for another connection.
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_FULL_PAUSE_SECONDS = 0.05
# Slack's heads and those of proxies are far smaller.
_LONGEST_LINE, _MOST_HEADERS = 4096, 64
_READ_BUFFER = 16 * 1024
# How long what is left of a refused body is read, so that the sender gets to see the answer.
_LINGER_SECONDS = 1.0


class Connection(web.RequestHandler):
    """One connection, with what it may still take.

    Attributes:
        since: The loop's time at which its state last changed.
        deadline: The loop's time at which it is closed if nothing more happens.
        has_signed: Whether it has ever brought a request that Slack had signed.
        is_protected: Whether it brings one now.
        unsigned_bytes: Of a body that is being read.
    """

    def __init__(self, connections: "Connections", server: web.Server) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=KEEPALIVE_SECONDS,
            access_log=None,  # type: ignore[arg-type] # as AppRunner allows it
            lingering_time=_LINGER_SECONDS,
            read_bufsize=_READ_BUFFER,
            # Slack compresses nothing, and its signature is over the bytes that were sent.
            auto_decompress=False,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
        )
        self._connections = connections
        self._is_idle = False
        self.since = loop.time()
        self.deadline = self.since + HEAD_SECONDS
        self.has_signed = False
        self.is_protected = False
        self.unsigned_bytes = 0

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; the first byte of a later request starts the time for its head."""
        if self._is_idle:
            self._is_idle = False
            self._move(HEAD_SECONDS)
        super().data_received(data)

    def begin(self) -> None:
        """A request's head has been read."""
        self._is_idle = False
        self._move(REQUEST_SECONDS)

    def read(self, count: int) -> None:
        """So many more bytes of a body have been read that may be anybody's."""
        self.unsigned_bytes += count
        self._connections.limit_bytes()

    def protect(self) -> bool:
        """The request is signed by Slack; returns whether there is room to handle it."""
        self.unsigned_bytes = 0
        if not self._connections.has_room_for_signed():
            return False
        self.has_signed = self.is_protected = True
        self._move(SIGNED_SECONDS)
        return True

    def end(self) -> None:
        """The request has been handled."""
        self.unsigned_bytes = 0
        self.is_protected = False
        self._is_idle = True
        self._move(KEEPALIVE_SECONDS if self.has_signed else STRANGER_KEEPALIVE_SECONDS)

    def abort(self) -> None:
        """Close it without waiting for the other side to read what was sent."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what isn't HTTP without a traceback: anybody may send it."""
        if isinstance(exc, HttpProcessingError):
            answer = web.Response(status=400)
            answer.force_close()
            return answer
        return super().handle_error(request, status, exc, message)

    def _move(self, seconds: float) -> None:
        self.since = self._loop.time()
        self.deadline = self.since + seconds


class Connections:
    """All connections of a server.

    Args:
        server: Handles their requests.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._most = share(4, most=MAX_CONNECTIONS)
        self._open: set[Connection] = set()
        self._protected_most = self._most - _ROOM
        self._late = self._evicted = 0

    @asynccontextmanager
    async def accepting(self, listeners: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Accept connections until the block ends, and close the listening sockets."""
        tasks = [asyncio.create_task(self._accept(one), name="accept") for one in listeners]
        tasks.append(asyncio.create_task(self._sweep(), name="close late connections"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in listeners:
                one.close()

    def has_room_for_signed(self) -> bool:
        """Whether another request of Slack's can be handled without taking the last room."""
        return sum(one.is_protected for one in self._open) < self._protected_most

    def forget(self, connection: Connection) -> None:
        """The connection is closed."""
        self._open.discard(connection)

    def limit_bytes(self) -> None:
        """Close those that keep unsigned bytes for longest until there are few enough."""
        while sum(one.unsigned_bytes for one in self._open) > _MAX_UNSIGNED_BYTES:
            self._evict([one for one in self._open if one.unsigned_bytes])

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        # So many at most are accepted before those that were are read: a request that comes at once
        # is read before its connection could be the one that has waited longest.
        burst = self._most // 8
        opening: set[asyncio.Task[None]] = set()
        accepted = 0
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in _FULL:
                    log.warning("no room for connections", error=errno.errorcode[error.errno])
                    self._evict(self._open)
                    await asyncio.sleep(_FULL_PAUSE_SECONDS)
                continue
            while len(self._open) >= self._most and self._evict(self._open):
                pass
            connection = Connection(self, self._server)
            self._open.add(connection)
            task = asyncio.create_task(self._start(client, connection))
            opening.add(task)
            task.add_done_callback(opening.discard)
            accepted += 1
            if accepted % burst == 0:
                await asyncio.sleep(0)

    async def _start(self, client: socket.socket, connection: Connection) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, client)
        except OSError:
            self.forget(connection)
            client.close()

    async def _sweep(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            present = clock()
            for one in [one for one in self._open if one.deadline < present]:
                self._late += 1
                self.forget(one)
                one.abort()
            if self._late or self._evicted:
                log.info("closed connections", late=self._late, to_make_room=self._evicted)
                self._late = self._evicted = 0

    def _evict(self, among: "set[Connection] | list[Connection]") -> bool:
        """Close the one that has waited longest and brings nothing from Slack."""
        victim = min(
            (one for one in among if not one.is_protected and one.transport is not None),
            key=lambda one: (one.has_signed, one.since),
            default=None,
        )
        if victim is None:
            return False
        self._evicted += 1
        self.forget(victim)
        victim.abort()
        return True


async def bind(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket for each address of a host.

    Raises:
        OSError: One of them can't be listened on.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    opened: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            if family == socket.AF_INET6 and not socket.has_ipv6:
                continue
            listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
            listener.settimeout(0)
            opened.append(listener)
    except OSError:
        for listener in opened:
            listener.close()
        raise
    return opened
