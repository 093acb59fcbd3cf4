"""Middleware of every request: request log, fault plan, refusals."""

from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import JsonValue, TypeAdapter, ValidationError

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import Call, FaultPlan
from bot.sandbox.friendli.changes import Changes
from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.event_stream import EventStream
from bot.sandbox.friendli.request_log import RequestLog
from bot.sandbox.serving import serve

_JSON_OBJECT = TypeAdapter(dict[str, JsonValue])


def exchange_through(
    faults: FaultPlan, request_log: RequestLog, changes: Changes, clock: SandboxClock
) -> Middleware:
    """Build the middleware; a route's name is its operation's name."""

    @web.middleware
    async def exchange(request: web.Request, handler: Handler) -> web.StreamResponse:
        content = await request.read()
        resource = request.match_info.route.resource
        operation = (resource.name if resource is not None else None) or "unknown"
        record = request_log.open(request, operation, content, clock.now())
        changes.announce()

        async def action() -> web.Response:
            response = await _answer(request, handler)
            record.acted = response.status < HTTPStatus.MULTIPLE_CHOICES
            changes.announce()
            return response

        call = Call(operation, request.method, request.path, dict(request.query), _fields(content))
        served = await serve(faults, call, request, action, clock)
        response = served.response
        if isinstance(response, EventStream) and response.is_unchanged and served.replied:
            response = await response.send(request)
        request_log.close(
            record,
            reply=served.response if served.replied else None,
            fault=type(served.fault.effect).__name__ if served.fault else None,
        )
        changes.announce()
        return response

    return exchange


async def _answer(request: web.Request, handler: Handler) -> web.Response:
    try:
        response = await handler(request)
    except ApiError as error:
        return _refusal(error)
    except web.HTTPException as error:
        # the router's 404 and 405
        return _refusal(ApiError(error.status, error.reason))
    if not isinstance(response, web.Response):
        raise TypeError("an operation answers with a whole response")
    return response


def _refusal(error: ApiError) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}
    return web.json_response({"detail": error.detail}, status=error.status, headers=headers)


def _fields(content: bytes) -> dict[str, JsonValue]:
    try:
        return _JSON_OBJECT.validate_json(content)
    except ValidationError:
        return {}
