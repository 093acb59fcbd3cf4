"""Calls Friendli's Dedicated Endpoints API with an exact outcome for each request."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import stamina
from pydantic import ValidationError

from bot.domain.friendli_errors import FriendliError, RateLimited, Unavailable
from bot.domain.process.bounded_body import LargeBodies
from bot.domain.schemas import (
    CreateResponse,
    DedicatedEndpointCreateBody,
    DedicatedEndpointListResponse,
    DedicatedEndpointSpec,
    DedicatedEndpointStatus,
    DedicatedEndpointUpdateBody,
    DedicatedEndpointVersionHistoryResponse,
    ResponseModel,
)
from bot.friendli.cost import BUCKETS_A_PAGE, CostBucket, CostResponse
from bot.friendli.credentials import Credentials
from bot.friendli.exchange import Call, exchange, failure_of_changing, failure_of_reading
from bot.friendli.responses import Response
from bot.friendli.transport import ReadingTransport

__all__ = ["Credentials", "EndpointListing", "FriendliClient", "TimeLimits"]

ENDPOINTS = "/dedicated/beta/endpoint"
COST = "/v1/team/cost"
PAGE_LIMIT = 100
# A hundred thousand endpoints in one project are a paging bug.
MAX_PAGES = 1_000
# Longer than the 60 s between polls of a resting project, or each would open a connection.
KEEPALIVE_SECONDS = 120.0
UNREADABLE = "unreadable answer"

_ResponseT = TypeVar("_ResponseT", bound=ResponseModel)
_PageT = TypeVar("_PageT", DedicatedEndpointListResponse, DedicatedEndpointVersionHistoryResponse)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Timeouts, in seconds.

    Attributes:
        connect: To get a connection.
        silence: Between two bytes.
        read: A reading call, with all its attempts and waits; for a listing, each page.
        write: A changing call. A create must time out well before its lease ends.
    """

    connect: float = 5.0
    silence: float = 15.0
    read: float = 30.0
    write: float = 30.0


@dataclass(frozen=True, slots=True)
class EndpointListing:
    """All endpoints of a project, from all `pages`.

    Attributes:
        api_date: The API's clock at the first page; None if it sent none.
    """

    endpoints: dict[str, DedicatedEndpointStatus]
    api_date: datetime | None
    pages: int


class FriendliClient:
    """A client of one Friendli API, for any number of keys; a context manager.

    Reading calls are retried, and raise `Refused` or `Unavailable`. Changing calls are sent once,
    and raise `NotApplied` or `OutcomeUnknown`. Redirects are not followed.

    Args:
        base_url: Such as "https://api.friendli.ai".
        attempts: Attempts of a reading call.
        first_wait: Seconds before the first retry, doubled for each further one, plus up to as
            much jitter. A `Retry-After` takes precedence; one beyond the time limit is raised
            at once.
        connections: Maximum of open connections: for changing, and for reading.
    """

    def __init__(
        self,
        base_url: str,
        *,
        limits: TimeLimits | None = None,
        attempts: int = 4,
        first_wait: float = 0.5,
        connections: int = 100,
    ) -> None:
        self._limits = limits or TimeLimits()
        self._bodies = LargeBodies()
        self._retrying = stamina.AsyncRetryingCaller(
            attempts=attempts, timeout=None, wait_initial=first_wait, wait_jitter=first_wait
        )

        def client(
            keepalive_connections: int, mounts: Mapping[str, httpx.AsyncBaseTransport] | None = None
        ) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                base_url=base_url,
                verify=tls_context(),
                timeout=httpx.Timeout(
                    self._limits.silence, connect=self._limits.connect, pool=self._limits.connect
                ),
                headers={"User-Agent": "friendli-deploy", "Accept-Encoding": "gzip"},
                # Many teams share this client: no cookies across them.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                limits=httpx.Limits(
                    max_connections=connections,
                    max_keepalive_connections=keepalive_connections,
                    keepalive_expiry=KEEPALIVE_SECONDS,
                ),
                mounts=mounts,
            )

        reading = ReadingTransport(
            tls=tls_context(), connections=connections, keepalive=KEEPALIVE_SECONDS
        )
        # For every URL without a proxy in the environment, which takes precedence.
        self._reading = client(connections, mounts={"all://*": reading})
        # A connection that went stale while idle would make a change's outcome unknown.
        self._changing = client(keepalive_connections=0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._reading.aclose()
        await self._changing.aclose()

    async def list_endpoints(
        self,
        credentials: Credentials,
        project_id: str,
        cursor: str | None = None,
        limit: int = PAGE_LIMIT,
    ) -> DedicatedEndpointListResponse:
        """One page of a project's endpoints, at most `limit` (1 to 100)."""
        params = {"project_id": project_id, "limit": str(limit)}
        if cursor:
            params["cursor"] = cursor
        call = Call("list_endpoints", credentials, "GET", ENDPOINTS, params)
        page, _ = await self._read(call, DedicatedEndpointListResponse)
        return page

    async def list_all_endpoints(
        self, credentials: Credentials, project_id: str
    ) -> EndpointListing:
        endpoints: dict[str, DedicatedEndpointStatus] = {}
        api_date, pages = None, 0
        call = Call("list_all_endpoints", credentials, "GET", ENDPOINTS, {"project_id": project_id})
        async for page, answer in self._pages(call, DedicatedEndpointListResponse):
            if pages == 0:
                api_date = answer.date
            pages += 1
            endpoints.update(page.data)
            if len(endpoints) > MAX_PAGES * PAGE_LIMIT:
                raise Unavailable(call.operation, status=200, reason="paging doesn't end")
        return EndpointListing(endpoints, api_date, pages)

    async def get_endpoint(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointSpec:
        call = Call("get_endpoint", credentials, "GET", _path(endpoint_id))
        spec, _ = await self._read(call, DedicatedEndpointSpec)
        return spec

    async def get_endpoint_status(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus:
        call = Call("get_endpoint_status", credentials, "GET", _path(endpoint_id, "/status"))
        status, _ = await self._read(call, DedicatedEndpointStatus)
        return status

    async def get_endpoint_version_history(
        self, credentials: Credentials, endpoint_id: str
    ) -> dict[str, DedicatedEndpointSpec]:
        """All versions of an endpoint, from all pages: version number, as text → spec."""
        versions: dict[str, DedicatedEndpointSpec] = {}
        call = Call(
            "get_endpoint_version_history", credentials, "GET", _path(endpoint_id, "/version")
        )
        async for page, _ in self._pages(call, DedicatedEndpointVersionHistoryResponse):
            versions.update(page.data)
        return versions

    async def get_cost(self, credentials: Credentials, start: date, end: date) -> list[CostBucket]:
        """A team's charges by day and line, of all days in UTC before `end`."""
        params = {
            "start_time": f"{start}T00:00:00Z",
            "end_time": f"{end}T00:00:00Z",
            "group_by": "line_item",
            "limit": str(BUCKETS_A_PAGE),
        }
        call = Call("get_cost", credentials, "GET", COST, params)
        buckets: list[CostBucket] = []
        # The API reports one year.
        for _ in range(1 + 366 // BUCKETS_A_PAGE):
            page, _ = await self._read(call, CostResponse)
            buckets.extend(page.data)
            if not page.has_more or not page.next_page:
                return buckets
            call = replace(call, params={**params, "page": page.next_page})
        raise Unavailable(call.operation, status=200, reason="paging doesn't end")

    async def create_endpoint(
        self, credentials: Credentials, body: DedicatedEndpointCreateBody
    ) -> CreateResponse:
        """Create an endpoint, once, and return the API's response.

        Raises:
            NotApplied: No endpoint was created: the API refused, or was never reached.
            OutcomeUnknown: The request may have been carried out; only a listing can tell.
        """
        call = Call("create_endpoint", credentials, "POST", ENDPOINTS, body=body.wire())
        return await self._change(call, CreateResponse)

    async def update_endpoint(
        self, credentials: Credentials, endpoint_id: str, body: DedicatedEndpointUpdateBody
    ) -> DedicatedEndpointSpec:
        """Create a new version; the old one serves until it is rolled out."""
        call = Call("update_endpoint", credentials, "PUT", _path(endpoint_id), body=body.wire())
        return await self._change(call, DedicatedEndpointSpec)

    async def sleep_endpoint(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus:
        """Free an endpoint's GPUs until it is woken or gets a request."""
        call = Call("sleep_endpoint", credentials, "PUT", _path(endpoint_id, "/sleep"))
        return await self._change(call, DedicatedEndpointStatus)

    async def wake_endpoint(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus:
        call = Call("wake_endpoint", credentials, "PUT", _path(endpoint_id, "/wake"))
        return await self._change(call, DedicatedEndpointStatus)

    async def restart_endpoint(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus:
        """Start an endpoint that failed or was terminated."""
        call = Call("restart_endpoint", credentials, "PUT", _path(endpoint_id, "/restart"))
        return await self._change(call, DedicatedEndpointStatus)

    async def terminate_endpoint(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus:
        """Stop an endpoint; it can be restarted."""
        call = Call("terminate_endpoint", credentials, "PUT", _path(endpoint_id, "/terminate"))
        return await self._change(call, DedicatedEndpointStatus)

    async def delete_endpoint(self, credentials: Credentials, endpoint_id: str) -> None:
        call = Call("delete_endpoint", credentials, "DELETE", _path(endpoint_id))
        await self._send(call)

    async def _pages(
        self, call: Call, model: type[_PageT]
    ) -> AsyncIterator[tuple[_PageT, Response]]:
        cursors: list[str] = []
        while len(cursors) < MAX_PAGES:
            params = {**call.params, "limit": str(PAGE_LIMIT)}
            if cursors:
                params["cursor"] = cursors[-1]
            page, answer = await self._read(replace(call, params=params), model)
            yield page, answer
            if not page.next_cursor:
                return
            if page.next_cursor in cursors:
                break
            cursors.append(page.next_cursor)
        raise Unavailable(call.operation, status=200, reason="paging doesn't end")

    async def _read(self, call: Call, model: type[_ResponseT]) -> tuple[_ResponseT, Response]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._limits.read
        last: FriendliError = Unavailable(call.operation, reason="Deadline")

        async def once() -> tuple[_ResponseT, Response]:
            async with self._bodies.reading() as reader:
                outcome = await exchange(self._reading, call, reader, time_limit=None)
                if not (isinstance(outcome, Response) and outcome.is_success):
                    raise failure_of_reading(call, outcome)
                parsed = _parsed(outcome, model)
                if parsed is None:
                    raise failure_of_reading(call, outcome, UNREADABLE)
                # Free the body: there may be many pages.
                return parsed, replace(outcome, body=None)

        def worth_a_retry(error: Exception) -> bool | float:
            nonlocal last
            if not isinstance(error, (Unavailable, RateLimited)):
                return False
            last = error
            if error.retry_after is None:
                return True
            return error.retry_after if clock() + error.retry_after < deadline else False

        try:
            async with asyncio.timeout_at(deadline):
                return await self._retrying.on(worth_a_retry)(once)
        except TimeoutError:
            pass
        raise last

    async def _change(self, call: Call, model: type[_ResponseT]) -> _ResponseT:
        answer = await self._send(call)
        parsed = _parsed(answer, model)
        if parsed is None:
            raise failure_of_changing(call, answer, UNREADABLE)
        return parsed

    async def _send(self, call: Call) -> Response:
        async with self._bodies.reading() as reader:
            outcome = await exchange(self._changing, call, reader, time_limit=self._limits.write)
        if not (isinstance(outcome, Response) and outcome.is_success):
            raise failure_of_changing(call, outcome)
        return outcome


@cache
def tls_context() -> SSLContext:
    # Reading the certificates costs 20 ms, so all clients of a process share them.
    return httpx.create_ssl_context()


def _path(endpoint_id: str, rest: str = "") -> str:
    # Dots too: "..", or nothing at all, would make it the path of something else.
    if not endpoint_id:
        raise ValueError("an endpoint id is never empty")
    return f"{ENDPOINTS}/{quote(endpoint_id, safe='').replace('.', '%2E')}{rest}"


def _parsed(answer: Response, model: type[_ResponseT]) -> _ResponseT | None:
    if answer.body is None:
        return None
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None
