"""Middleware of every request: log, fault plan, rate limit, refusals."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import Call, FaultPlan
from bot.sandbox.hub.app import BUCKETS
from bot.sandbox.hub.errors import HubApiError
from bot.sandbox.hub.rate_limits import RateLimiter
from bot.sandbox.serving import serve

# A search's answer can be long, and all requests are kept.
_SHOWN_BYTES = 20_000


@dataclass(eq=False, slots=True)
class HubRequest:
    """One request.

    Attributes:
        operation: Such as "model_info"; "unknown" for what the API doesn't have.
        repo: The repo that it is about; "" for searches.
        authorized: Whether it carried a token.
        status: None before the response and if the connection was cut.
        answer: The beginning of the response's text.
    """

    operation: str
    path: str
    query: str
    repo: str
    authorized: bool
    done: bool = False
    status: int | None = None
    answer: str = ""
    fault: str | None = None


class HubRequests:
    """All requests, oldest first."""

    def __init__(self) -> None:
        self.records: list[HubRequest] = []
        self._callbacks: list[Callable[[HubRequest], None]] = []

    def add(self, record: HubRequest) -> None:
        self.records.append(record)
        self.announce(record)

    def announce(self, record: HubRequest) -> None:
        for callback in tuple(self._callbacks):
            callback(record)

    def subscribe(self, callback: Callable[[HubRequest], None]) -> Callable[[], None]:
        """Call `callback` at the start and end of each request; returns the undo function."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)


def exchange_through(
    faults: FaultPlan,
    log: HubRequests,
    limiter: Callable[[], RateLimiter],
    clock: SandboxClock,
) -> Middleware:
    """Build the middleware; a route's name starts with its operation's name."""

    @web.middleware
    async def exchange(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        name = (resource.name if resource is not None else None) or "unknown"
        operation = name.partition(".")[0]
        authorization = request.headers.get("Authorization")
        record = HubRequest(
            operation,
            request.path,
            request.query_string,
            request.match_info.get("repo", ""),
            authorized=authorization is not None,
        )
        log.add(record)

        async def action() -> web.Response:
            allowed, headers = limiter().count(authorization, BUCKETS.get(operation, "pages"))
            if not allowed:
                refusal = HubApiError(429, "Too many requests: the limit of 5 minutes is reached")
                response = _refusal(request, refusal)
            else:
                response = await _answer(request, handler)
            response.headers.update(headers)
            return response

        call = Call(operation, request.method, request.path, dict(request.query))
        served = await serve(faults, call, request, action, clock)
        record.done = True
        record.status = served.response.status if served.replied else None
        record.answer = _text(served.response)
        record.fault = type(served.fault.effect).__name__ if served.fault else None
        log.announce(record)
        return served.response

    return exchange


async def _answer(request: web.Request, handler: Handler) -> web.Response:
    try:
        response = await handler(request)
    except HubApiError as error:
        return _refusal(request, error)
    except web.HTTPRedirection as error:
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    except web.HTTPException as error:
        # The router's 404 and 405.
        return _refusal(request, HubApiError(error.status, error.reason))
    if not isinstance(response, web.Response):
        raise TypeError("an operation answers with a whole response")
    return response


def _refusal(request: web.Request, error: HubApiError) -> web.Response:
    headers = dict(error.headers)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="Authentication required"'
    if request.path.startswith("/api/"):
        return web.json_response({"error": error.message}, status=error.status, headers=headers)
    return web.Response(text=error.message, status=error.status, headers=headers)


def _text(response: web.StreamResponse) -> str:
    body = response.body if isinstance(response, web.Response) else None
    return body[:_SHOWN_BYTES].decode(errors="replace") if isinstance(body, bytes) else ""
