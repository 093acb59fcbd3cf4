"""HTTP servers on loopback that answer what a test asks for, or break in the way it asks for."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from pydantic import JsonValue, SecretStr

from bot.domain.schemas import (
    DedicatedEndpointCreateBody,
    EndpointAdvancedConfig,
    EndpointSimplescaleConfig,
)
from bot.friendli.client import Credentials
from tests.friendli.wire_faults import Behaviour

KEY = "sandbox-key-not-a-secret"
ACCESS = Credentials(SecretStr(KEY))
STATUS: dict[str, JsonValue] = {"status": "INITIALIZING", "createdAt": "2026-11-02T10:00:00Z"}
SPEC: dict[str, JsonValue] = {
    "name": "llama",
    "gpuType": "NVIDIA H100",
    "numGpu": 2,
    "projectId": "project-1",
    "autoscalingMin": 1,
    "autoscalingMax": 1,
    "autoscalingCooldown": 300,
}
CREATE = DedicatedEndpointCreateBody(
    project_id="project-1",
    name="llama",
    instance_option_id="zfTutSiLn0Hq",
    advanced=EndpointAdvancedConfig(
        tokenizer_skip_special_tokens=True, tokenizer_add_special_tokens=True
    ),
    simplescale=EndpointSimplescaleConfig(replicas=1),
    hf_model_repo="meta-llama/Llama-3.1-8B-Instruct",
)


@dataclass(frozen=True)
class Reply:
    """What to answer once."""

    status: int = 200
    json: JsonValue = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return it as aiohttp sends it."""
        if self.text is not None:
            return web.Response(status=self.status, text=self.text, headers=self.headers)
        return web.json_response(self.json, status=self.status, headers=self.headers)


@dataclass(frozen=True)
class PollResult:
    """A request that arrived; `connection` is the client's port, `at` the loop's clock."""

    method: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    text: str
    connection: int
    at: float


class ScriptedApi:
    """Answers each request with the next reply, and all further ones with the last."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[PollResult] = []
        self._replies: list[Reply] = []

    def replies(self, *replies: Reply) -> None:
        """Set what the coming requests are answered with."""
        self._replies = list(replies)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Note a request and answer it."""
        assert request.transport is not None
        self.seen.append(
            PollResult(
                request.method,
                request.raw_path.partition("?")[0],
                dict(request.query),
                dict(request.headers),
                await request.text(),
                request.transport.get_extra_info("peername")[1],
                asyncio.get_running_loop().time(),
            )
        )
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return reply.response()

    @classmethod
    @asynccontextmanager
    async def serve(cls) -> AsyncIterator[Self]:
        """Serve on a free port of loopback."""
        api = cls()
        runner = web.ServerRunner(web.Server(api.answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield api
        finally:
            await runner.cleanup()


class WireServer:
    """Reads each request whole, counts it, and then behaves on the bare connection.

    Attributes:
        requests: How many requests came in whole.
        received: Set as soon as there is one.
    """

    def __init__(self, behaviour: Behaviour, *, reads: bool) -> None:
        self.url = ""
        self.requests = 0
        self.received = asyncio.Event()
        self._behaviour = behaviour
        self._reads = reads
        self._closing = asyncio.Event()
        self._connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer.transport
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if not self._reads:
                await self._closing.wait()
            length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
            await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
            self.requests += 1
            self.received.set()
            await self._behaviour(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @classmethod
    @asynccontextmanager
    async def serve(cls, behaviour: Behaviour, *, reads: bool = True) -> AsyncIterator[Self]:
        """Serve on a free port of loopback, and drop all connections at the end.

        Args:
            behaviour: What to do once a request was read whole.
            reads: Whether to read any bodies at all.
        """
        wire = cls(behaviour, reads=reads)
        server = await asyncio.start_server(wire._connection, "127.0.0.1", 0)
        wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield wire
        finally:
            server.close()
            wire._closing.set()
            for transport in wire._connections.values():
                transport.abort()
            await asyncio.gather(*wire._connections)


def refused_url() -> str:
    """Return an address that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


@contextlib.contextmanager
def unaccepting_url() -> Iterator[str]:
    """Give an address whose queue of connections is full, so that connecting hangs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
