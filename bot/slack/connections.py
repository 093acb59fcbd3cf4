"""Accepts HTTP connections, and closes slow and idle ones.

asyncio's server accepts without limit, and aiohttp's waits for requests without limit. Here a new
connection is always accepted: at the limit, the one that has waited longest without a request
signed by Slack is closed. One that sends its request at once never waits long.
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
"""From the connection, or the first byte of a later request, to the end of the headers."""
REQUEST_SECONDS = 10.0
"""From the end of the headers to the response, for an unsigned request."""
SIGNED_SECONDS = 60.0
"""The same for a request signed by Slack, whose connection isn't closed to make room."""
KEEPALIVE_SECONDS = 75.0
"""For an idle connection that has sent a signed request: proxies usually keep theirs for 60 s."""
UNSIGNED_KEEPALIVE_SECONDS = 10.0
"""For one that hasn't."""

MAX_CONNECTIONS = 256
# Of these, so many never serve signed requests: they are left for health checks.
_RESERVED = 8
# Bytes of unverified bodies in memory, over all connections.
_MAX_UNSIGNED_BYTES = 32 * 1024 * 1024
# Connections that the kernel queues until they are accepted.
_BACKLOG = 1024
_SWEEP_SECONDS = 0.5
# accept() fails with these when the process or the machine can't open another connection.
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_FULL_PAUSE_SECONDS = 0.05
# Slack's headers, and those of proxies, are far smaller.
_MAX_LINE, _MAX_HEADERS = 4096, 64
_READ_BUFFER = 16 * 1024
# The rest of a refused body is read for so long; otherwise the client wouldn't see the response.
_LINGER_SECONDS = 1.0


class Connection(web.RequestHandler):
    """One connection and its deadline.

    Attributes:
        since: Loop time of the last change of its state.
        deadline: Loop time at which it is closed unless its state changes.
        has_signed: Whether it has ever sent a signed request.
        is_protected: Whether a signed request is being handled.
        unsigned_bytes: Of an unverified body in memory.
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
            # Slack's signature is over the bytes on the wire, which it never compresses.
            auto_decompress=False,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            max_headers=_MAX_HEADERS,
        )
        self._connections = connections
        self._is_idle = False
        self.since = loop.time()
        self.deadline = self.since + HEAD_SECONDS
        self.has_signed = False
        self.is_protected = False
        self.unsigned_bytes = 0

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self._is_idle = False
            self._set_deadline(HEAD_SECONDS)
        super().data_received(data)

    def request_started(self) -> None:
        """The headers were read."""
        self._is_idle = False
        self._set_deadline(REQUEST_SECONDS)

    def body_read(self, count: int) -> None:
        self.unsigned_bytes += count
        self._connections.limit_unsigned_bytes()

    def protect(self) -> bool:
        """The signature is valid. Returns whether the request may be handled."""
        self.unsigned_bytes = 0
        if not self._connections.may_protect():
            return False
        self.has_signed = self.is_protected = True
        self._set_deadline(SIGNED_SECONDS)
        return True

    def request_ended(self) -> None:
        self.unsigned_bytes = 0
        self.is_protected = False
        self._is_idle = True
        self._set_deadline(KEEPALIVE_SECONDS if self.has_signed else UNSIGNED_KEEPALIVE_SECONDS)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Without a traceback in the log: anybody may send malformed HTTP."""
        if isinstance(exc, HttpProcessingError):
            response = web.Response(status=400)
            response.force_close()
            return response
        return super().handle_error(request, status, exc, message)

    def _set_deadline(self, seconds: float) -> None:
        self.since = self._loop.time()
        self.deadline = self.since + seconds


class Connections:
    """All connections of a server."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._limit = share(4, most=MAX_CONNECTIONS)
        self._open: set[Connection] = set()
        self._protected_limit = self._limit - _RESERVED
        self._late = self._evicted = 0

    @asynccontextmanager
    async def accepting(self, listeners: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Accept until the block ends; closes the listeners."""
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

    def may_protect(self) -> bool:
        """Whether another signed request leaves connections for health checks."""
        return sum(one.is_protected for one in self._open) < self._protected_limit

    def remove(self, connection: Connection) -> None:
        self._open.discard(connection)

    def limit_unsigned_bytes(self) -> None:
        while sum(one.unsigned_bytes for one in self._open) > _MAX_UNSIGNED_BYTES:
            self._evict([one for one in self._open if one.unsigned_bytes])

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        # Yields after each burst, so that a request sent at once is read before its connection
        # could be the oldest.
        burst = self._limit // 8
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
            while len(self._open) >= self._limit and self._evict(self._open):
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
            self.remove(connection)
            client.close()

    async def _sweep(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            present = clock()
            for one in [one for one in self._open if one.deadline < present]:
                self._late += 1
                self.remove(one)
                one.abort()
            if self._late or self._evicted:
                log.info("closed connections", late=self._late, to_make_room=self._evicted)
                self._late = self._evicted = 0

    def _evict(self, among: "set[Connection] | list[Connection]") -> bool:
        """Close the connection that has waited longest; False if each serves a signed request."""
        oldest = min(
            (one for one in among if not one.is_protected and one.transport is not None),
            key=lambda one: (one.has_signed, one.since),
            default=None,
        )
        if oldest is None:
            return False
        self._evicted += 1
        self.remove(oldest)
        oldest.abort()
        return True


async def bind(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket for each address of a host. Raises OSError."""
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
