"""A TCP proxy before a real PostgreSQL; closing it breaks connections and refuses new ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from tests.friendli.loopback import refused_url


class TcpProxy:
    """A port that forwards to the PostgreSQL server while it is open.

    Args:
        url: The database's, on a socket in a folder.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._port = urlsplit(refused_url()).port
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}{parts.path}?sslmode=disable"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Forward connections until the block ends, which aborts them."""
        writers: list[asyncio.StreamWriter] = []

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while block := await source.read(2**16):
                target.write(block)
            target.close()

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inside, outside = await asyncio.open_unix_connection(self._socket)
            writers.extend([writer, outside])
            await asyncio.gather(
                pass_on(reader, outside), pass_on(inside, writer), return_exceptions=True
            )

        server = await asyncio.start_server(enter, "127.0.0.1", self._port)
        try:
            yield
        finally:
            server.close()
            for writer in writers:
                writer.transport.abort()
            await server.wait_closed()
