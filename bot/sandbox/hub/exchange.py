"""Middleware of every request: log, fault plan, rate limit, refusals."""

from collections.abc import Callable, MutableSequence
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


@dataclass(eq=False, slots=True)
class HubRequest:
    """One request.

    Attributes:
        operation: Such as "model_info"; "unknown" for what the API doesn't have.
        repo: The repo that it is about; "" for searches.
        authorized: Whether it carried a token.
        status: None before the response and if the connection was cut.
    """

    operation: str
    path: str
    query: str
    repo: str
    authorized: bool
    status: int | None = None


def exchange_through(
    faults: FaultPlan,
    log: MutableSequence[HubRequest],
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
        log.append(record)

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
        record.status = served.response.status if served.replied else None
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
