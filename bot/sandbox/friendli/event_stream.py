"""A response of server-sent events, sent piece by piece."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes, sent `after` seconds of real time."""

    after: float
    data: bytes


class EventStream(web.Response):
    """Events at a pace; faults that need a whole body see all of them at once.

    Args:
        pieces: At least one.
        is_cut: Whether the connection closes after the last of them.
        endless: Repeated after the others, until the client closes the connection.
    """

    def __init__(
        self, pieces: Sequence[Piece], *, is_cut: bool = False, endless: Piece | None = None
    ) -> None:
        self._whole = b"".join(piece.data for piece in pieces)
        super().__init__(body=self._whole, headers=HEADERS)
        self._pieces = pieces
        self._is_cut = is_cut
        self._endless = endless

    @property
    def is_unchanged(self) -> bool:
        """Whether no fault has replaced the body."""
        return self.body is self._whole

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send the events; returns what the handler must return."""
        response = web.StreamResponse(status=self.status, headers=HEADERS)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            async for data in self._paced():
                await response.write(data)
            if self._is_cut and request.transport is not None:
                # Unlike abort, close still sends what was written.
                request.transport.close()
            else:
                await response.write_eof()
        return response

    async def _paced(self) -> AsyncIterator[bytes]:
        due = asyncio.get_running_loop().time()
        for piece in self._all():
            due += piece.after
            wait = due - asyncio.get_running_loop().time()
            if wait > 0:
                await asyncio.sleep(wait)
            yield piece.data

    def _all(self) -> Iterable[Piece]:
        yield from self._pieces
        while self._endless is not None:
            yield self._endless
