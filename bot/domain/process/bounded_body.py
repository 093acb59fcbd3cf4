"""Read response bodies with a bound on their total size.

A list page has tens of kilobytes. Of concurrent responses of megabytes, a few are read at a time,
while small ones go on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LARGE_BYTES = 256 * 1024
_LARGE_AT_ONCE = 4


class TooLargeError(Exception):
    """A body is larger than any valid response."""


class LargeBodies:
    """Limits how many large bodies are in memory at once."""

    def __init__(self, at_once: int = _LARGE_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["BodyReader"]:
        """Read one body; its slot is taken until the block ends, in which it is parsed."""
        reader = BodyReader(self._free)
        try:
            yield reader
        finally:
            if reader.is_large:
                self._free.release()


class BodyReader:
    """Reads a body; `is_large` once it has taken a slot."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self.is_large = False

    async def read(self, chunks: AsyncIterator[bytes], limit: int) -> bytes:
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise TooLargeError
            if len(body) > _LARGE_BYTES and not self.is_large:
                await self._free.acquire()
                self.is_large = True
        return bytes(body)
