"""Reads the bodies of answers without letting their sizes add up.

A page of a list has tens of kilobytes. Whoever answers with megabytes, to a hundred requests at
once, has them read a few at a time, while all others go on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LARGE_BYTES = 256 * 1024
_LARGE_AT_ONCE = 4


class TooLargeError(Exception):
    """A body has more bytes than any answer needs."""


class LargeBodies:
    """Room for the few large bodies that are in memory at once.

    Args:
        at_once: How many.
    """

    def __init__(self, at_once: int = _LARGE_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["BodyReader"]:
        """Read one body; its room is taken until the block ends, in which it is parsed."""
        reader = BodyReader(self._free)
        try:
            yield reader
        finally:
            if reader.is_large:
                self._free.release()


class BodyReader:
    """Reads a body.

    Attributes:
        is_large: Whether it has taken room.
    """

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self.is_large = False

    async def read(self, chunks: AsyncIterator[bytes], limit: int) -> bytes:
        """Return a body whole.

        Raises:
            TooLargeError: It has more bytes than the limit.
        """
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise TooLargeError
            if len(body) > _LARGE_BYTES and not self.is_large:
                await self._free.acquire()
                self.is_large = True
        return bytes(body)
