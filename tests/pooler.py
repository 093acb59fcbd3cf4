"""A pooler in transaction mode before a real PostgreSQL, as strict as one can be.

Each transaction of a client runs on another of the server's connections, in turn. What was prepared
outside of a transaction, a LISTEN, and settings of the session stay behind there.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

# https://www.postgresql.org/docs/current/protocol-message-formats.html
_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102
_PROTOCOL = 196608
# PgBouncer refuses any other parameter at the start.
_TRACKED = {"user", "database", "client_encoding", "application_name", "DateStyle", "TimeZone"}
_ENDS_WITH_READY = (b"Q", b"S", b"F")

Message = tuple[bytes, bytes]


async def _read(reader: asyncio.StreamReader) -> Message:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


class _Server:
    """One connection to PostgreSQL, past its start."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.greeting = b""

    @classmethod
    async def connect(cls, socket: str, database: str) -> "_Server":
        server = cls(*await asyncio.open_unix_connection(socket))
        start = b"user\0postgres\0database\0" + database.encode() + b"\0client_encoding\0utf8\0\0"
        start = struct.pack("!I", _PROTOCOL) + start
        server.writer.write(struct.pack("!I", len(start) + 4) + start)
        kind = b""
        while kind != b"Z":
            kind, body = await _read(server.reader)
            server.greeting += _packed(kind, body)
        return server


class Pooler:
    """Listens on a port, with a few connections to the server.

    Attributes:
        url: Leads through it.
        refused: Parameters that it refused at the start of a connection.
        transactions: How many it has passed on.
    """

    def __init__(self, port: int, database: str, socket: str, servers: list[_Server]) -> None:
        self.url = f"postgresql://postgres@127.0.0.1:{port}/{database}?sslmode=disable"
        self.refused: set[str] = set()
        self.transactions = 0
        self._database, self._socket = database, socket
        self._free: asyncio.Queue[_Server] = asyncio.Queue()
        for server in servers:
            self._free.put_nowait(server)
        self._greeting = servers[0].greeting

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one client."""
        try:
            if await self._greet(reader, writer):
                await self._relay(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            (code,) = struct.unpack("!I", body[:4])
            if code in (_SSL_REQUEST, _GSS_REQUEST):
                writer.write(b"N")
                continue
            if code == _CANCEL_REQUEST:
                return False
            names = {name.decode() for name in body[4:].split(b"\0")[:-2:2]}
            if unknown := names - _TRACKED:
                self.refused |= unknown
                words = f"unsupported startup parameter: {min(unknown)}"
                fields = f"SFATAL\0C08P01\0M{words}\0\0"
                writer.write(_packed(b"E", fields.encode()))
                return False
            writer.write(self._greeting)
            return True

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server: _Server | None = None
        answering: asyncio.Task[None] | None = None
        asked = 0

        async def answer(by: _Server) -> None:
            nonlocal server, asked
            while True:
                kind, body = await _read(by.reader)
                writer.write(_packed(kind, body))
                if kind == b"Z":
                    asked -= 1
                    if asked == 0 and body == b"I":
                        self.transactions += 1
                        server = None
                        # To the end of the queue: the next transaction gets another one.
                        self._free.put_nowait(by)
                        return

        try:
            while True:
                kind, body = await _read(reader)
                if kind == b"X":
                    return
                if server is None:
                    server = await self._free.get()
                    answering = asyncio.create_task(answer(server))
                asked += kind in _ENDS_WITH_READY
                server.writer.write(_packed(kind, body))
        finally:
            if server is not None and answering is not None:
                # Cut off within a transaction, which a new connection must not go on with.
                answering.cancel()
                server.writer.close()
                self._free.put_nowait(await _Server.connect(self._socket, self._database))


@asynccontextmanager
async def pooler(url: str, *, servers: int = 3) -> AsyncIterator[Pooler]:
    """Put one before a database.

    Args:
        url: The database's, on a socket in a folder.
        servers: Connections to it, at least two.
    """
    parts = urlsplit(url)
    socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    database = parts.path.removeprefix("/")
    connections = [await _Server.connect(socket, database) for _ in range(servers)]
    made: Pooler | None = None

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert made is not None
        await made.serve(reader, writer)

    async with await asyncio.start_server(enter, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        made = Pooler(port, database, socket, connections)
        yield made
    for server in connections:
        server.writer.close()
