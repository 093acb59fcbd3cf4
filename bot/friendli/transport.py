"""An httpx transport over aiohttp, at a third of httpx's own CPU time.

For reading calls only: aiohttp doesn't always tell whether a request was sent, which matters for
changing calls.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from ssl import SSLContext
from typing import Literal

import aiohttp
import httpx
from yarl import URL

_TimeLimits = Mapping[Literal["connect", "read", "write", "pool"], float | None]

# The first match counts.
_ERRORS: Mapping[type[BaseException], type[httpx.RequestError]] = {
    aiohttp.NonHttpUrlClientError: httpx.UnsupportedProtocol,
    aiohttp.InvalidURL: httpx.UnsupportedProtocol,
    aiohttp.ClientConnectorError: httpx.ConnectError,
    aiohttp.ConnectionTimeoutError: httpx.ConnectTimeout,
    aiohttp.ServerTimeoutError: httpx.ReadTimeout,
    aiohttp.ClientConnectionError: httpx.ReadError,
    aiohttp.ClientPayloadError: httpx.ReadError,
    aiohttp.ClientError: httpx.RemoteProtocolError,
}


class ReadingTransport(httpx.AsyncBaseTransport):
    """Sends requests without a body.

    Args:
        connections: Maximum of open connections; more requests wait for a free one.
        keepalive: Seconds that an idle connection is kept.
    """

    def __init__(self, *, tls: SSLContext, connections: int, keepalive: float) -> None:
        self._tls = tls
        self._connections = connections
        self._keepalive = keepalive
        self._opened: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return the head of its response, with the body still to be read."""
        limits: _TimeLimits = request.extensions.get("timeout", {})
        with _as_httpx_errors():
            answer = await self._session.request(
                request.method,
                # Unchanged: yarl would decode an encoded endpoint id, and resolve its dots.
                URL(str(request.url), encoded=True),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=limits.get("pool"),
                    sock_connect=limits.get("connect"),
                    sock_read=limits.get("read"),
                ),
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        # aiohttp needs a running loop here, unlike httpx's clients.
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=self._keepalive, ssl=self._tls
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # httpx has set all headers and reads the body.
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                auto_decompress=False,
                middlewares=[_once],
            )
        return self._opened


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        # An unread rest is dropped with its connection; a connection that was read whole is kept.
        self._answer.close()


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Prevent aiohttp's own retries after errors that it sees here."""
    with _as_httpx_errors():
        return await send(request)


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        kind = next(
            (ours for theirs, ours in _ERRORS.items() if isinstance(error, theirs)),
            httpx.ReadTimeout,
        )
        # Without aiohttp's text, which may quote what the server sent.
        raise kind(type(error).__name__) from None
