"""Reverse proxies before the sandboxes, one pair per replica.

A sandbox doesn't know which process sent a request; the proxy does. So a fault for a process is
injected here: as a request arrives, after the sandbox acted, or after the answer.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Self
from urllib.parse import parse_qsl, unquote

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from bot.domain.operations import Mechanism, OperationKind
from bot.sandbox.faults import Call
from bot.sandbox.friendli.operations import OPERATIONS
from bot.sandbox.slack.web_api import METHODS

_ENDPOINTS = "/dedicated/beta/endpoint"
# By method and path; {} is an endpoint's id.
_OPERATIONS: Mapping[tuple[str, str], str] = {
    ("POST", _ENDPOINTS): "create_endpoint",
    ("GET", _ENDPOINTS): "list_endpoints",
    ("GET", f"{_ENDPOINTS}/{{}}"): "get_endpoint",
    ("PUT", f"{_ENDPOINTS}/{{}}"): "update_endpoint",
    ("GET", f"{_ENDPOINTS}/{{}}/status"): "get_endpoint_status",
    ("GET", f"{_ENDPOINTS}/{{}}/version"): "get_endpoint_version_history",
    **{
        (operation.method, operation.path.format(endpoint_id="{}")): name
        for name, operation in OPERATIONS.items()
    },
    ("GET", "/v1/team/cost"): "get_cost",
    ("POST", "/dedicated/v1/chat/completions"): "chat_completions",
    ("POST", "/dedicated/v1/completions"): "completions",
    ("POST", "/dedicated/v1/embeddings"): "embeddings",
}
_SLACK_METHODS = "/api/"
_TOO_MANY = 429
_SPENDS = frozenset(
    kind.facts.client_call
    for kind in OperationKind
    if kind.facts.spends or kind.facts.mechanism is Mechanism.VERSION
)
# Each connection has its own.
_OWN_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "server", "transfer-encoding"}
)


class Instant(StrEnum):
    """A moment of a request."""

    ARRIVES = "arrives"
    """The whole request is there; the other side never acts."""
    ACTED = "acted"
    """The other side has acted; its answer isn't written."""
    ANSWERED = "answered"
    """The answer is written, and the replica has had a moment with it."""


@dataclass(eq=False, slots=True)
class Trap:
    """Waits for a request, and injects a fault into the replica that made it.

    Attributes:
        inject: Gets the replica's number.
        nth: Which of the matching requests, from 1.
        pause: Seconds between the answer and the fault.
    """

    matches: Callable[[Call], bool]
    instant: Instant
    inject: Callable[[int], None]
    nth: int = 1
    pause: float = 0.0
    triggered: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, call: Call) -> bool:
        """Count a request; return whether it is the one."""
        if self.triggered.is_set() or not self.matches(call):
            return False
        self.nth -= 1
        if self.nth > 0:
            return False
        self.triggered.set()
        return True


@dataclass(slots=True)
class ProxyLog:
    """What the proxies of a run share.

    Attributes:
        creates: Names in create requests, in order of arrival.
        limited_creates: Those that were answered with 429.
        updates: Endpoint and body of update requests, without those answered with 429.
        tests: Endpoints in test requests, in order of arrival.
        unknown: Requests that belong to no step: they are refused.
        on_create: Called as a create request arrives.
        on_operation: Called with operation and endpoint as a request arrives that spends.
        on_created: Called when the API has acted on a create request.
    """

    traps: list[Trap] = field(default_factory=list)
    creates: list[str] = field(default_factory=list)
    limited_creates: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    on_create: Callable[[], None] = lambda: None
    on_operation: Callable[[str, str], None] = lambda _operation, _endpoint: None
    on_created: Callable[[], None] = lambda: None

    def arrived(self, call: Call) -> Trap | None:
        """Record a request, and return its trap."""
        trap = next((trap for trap in self.traps if trap.takes(call)), None)
        if call.operation == "create_endpoint":
            self.creates.append(str(call.body.get("name")))
            self.on_create()
        if call.operation == "update_endpoint":
            self.updates.append(_update(call))
        if call.operation == "chat_completions":
            self.tests.append(str(call.body.get("model")))
        if call.operation in _SPENDS:
            endpoint_id = unquote(call.path.removeprefix(_ENDPOINTS).split("/")[1])
            self.on_operation(call.operation, endpoint_id)
        return trap

    def answered(self, call: Call, status: int) -> None:
        if call.operation == "create_endpoint":
            self.on_created()
            if status == _TOO_MANY:
                self.limited_creates.append(str(call.body.get("name")))
        if call.operation == "update_endpoint" and status == _TOO_MANY:
            self.updates.remove(_update(call))


class ReplicaProxy:
    """One replica's proxies."""

    def __init__(self, replica: int, *, slack: str, friendli: str, proxy_log: ProxyLog) -> None:
        self._replica = replica
        self._proxy_log = proxy_log
        self._servers = {
            "slack": _ProxyServer(partial(self._pass, slack, slack_method)),
            "friendli": _ProxyServer(partial(self._pass, friendli, friendli_operation)),
        }
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
            middlewares=[_send_once],
            auto_decompress=False,
        )
        for server in self._servers.values():
            await server.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers.values():
            await server.close()
        if self._http is not None:
            await self._http.close()

    def url(self, service: str) -> str:
        """Of "slack" or "friendli"."""
        return self._servers[service].url

    async def shut(self, service: str) -> None:
        """Refuse and break connections."""
        await self._servers[service].close()

    async def reopen(self, service: str) -> None:
        await self._servers[service].open()

    async def _pass(
        self,
        upstream: str,
        operation_of: Callable[[str, str], str | None],
        request: web.BaseRequest,
    ) -> web.StreamResponse:
        content = await request.read()
        # Raw: an endpoint's id may contain an escaped slash.
        path = request.raw_path.partition("?")[0]
        operation = operation_of(request.method, path)
        if operation is None:
            self._proxy_log.unknown.append(f"{request.method} {path}")
            return web.Response(status=501)
        query, fields = dict(request.query), _fields(content)
        call = Call(operation, request.method, path, query, fields)
        trap = self._proxy_log.arrived(call)
        if trap is not None and trap.instant is Instant.ARRIVES:
            trap.inject(self._replica)
            return _broken(request)
        answer = await self._forwarded(upstream, request, content)
        self._proxy_log.answered(call, answer.status if answer is not None else 0)
        if trap is not None and trap.instant is Instant.ACTED:
            trap.inject(self._replica)
        if answer is None:
            return _broken(request)
        # Its replica may be dead.
        with contextlib.suppress(ConnectionError):
            await answer.prepare(request)
            await answer.write_eof()
        if trap is not None and trap.instant is Instant.ANSWERED:
            await asyncio.sleep(trap.pause)
            trap.inject(self._replica)
        return answer

    async def _forwarded(
        self, upstream: str, request: web.BaseRequest, content: bytes
    ) -> web.Response | None:
        """None if the sandbox broke the connection."""
        if self._http is None:
            raise RuntimeError("the proxy isn't open")
        try:
            async with self._http.request(
                request.method,
                upstream + request.raw_path,
                data=content,
                headers=_passed_on(request.headers),
            ) as answer:
                body = await answer.read()
                headers = _passed_on(answer.headers)
                return web.Response(status=answer.status, body=body, headers=headers)
        except (aiohttp.ClientError, ConnectionError, _ConnectionBrokenError):
            return None


class _ConnectionBrokenError(Exception):
    """The sandbox closed the connection instead of answering."""


async def _send_once(
    request: aiohttp.ClientRequest, handle: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep the client from repeating a request whose reply is lost."""
    try:
        return await handle(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionBrokenError from error


class _ProxyServer:
    """A server on a port that it keeps."""

    def __init__(self, action: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._act = action
        self._port = 0
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        if self._runner is not None:
            return

        server = web.Server(self._act)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


def friendli_operation(method: str, path: str) -> str | None:
    """None for an unknown request."""
    named = path.removeprefix(f"{_ENDPOINTS}/")
    if named != path:
        _, slash, rest = named.partition("/")
        path = f"{_ENDPOINTS}/{{}}{slash}{rest}"
    return _OPERATIONS.get((method, path))


def slack_method(_: str, path: str) -> str | None:
    """None for an unknown request."""
    name = path.removeprefix(_SLACK_METHODS)
    return name if name != path and name in METHODS else None


def _update(call: Call) -> str:
    return f"{call.path} {dict(call.body)}"


def _fields(content: bytes) -> Mapping[str, str]:
    text = content.decode(errors="replace")
    try:
        parsed = json.loads(text)
    except ValueError:
        return dict(parse_qsl(text))
    return {str(key): value for key, value in parsed.items()} if isinstance(parsed, dict) else {}


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _OWN_HEADERS
    )


def _broken(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
