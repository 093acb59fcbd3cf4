"""The workspace's HTTP server: Web API methods, response_urls, Socket Mode."""

import time
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from bot.sandbox.faults import Call, FaultPlan
from bot.sandbox.serving import serve
from bot.sandbox.slack.request_log import Direction, RequestLog
from bot.sandbox.slack.response_urls import ResponseUrlError, ResponseUrls
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.web_api import METHODS
from bot.sandbox.slack.web_api.call import (
    Backend,
    Method,
    RateLimitedError,
    SlackError,
    TokenKind,
)
from bot.sandbox.slack.wire import JsonObject, decode_object, encode
from bot.sandbox.slack.workspace import Installation

_MAX_BODY = 4 * 1024 * 1024


class Server:
    def __init__(
        self,
        slack: Backend,
        response_urls: ResponseUrls,
        sockets: SocketMode,
        faults: FaultPlan,
        log: RequestLog,
        *,
        bot_token: str,
        app_token: str | None,
    ) -> None:
        self._slack = slack
        self._response_urls = response_urls
        self._faults = faults
        self._log = log
        self._sockets = sockets
        self.bot_token = bot_token
        self._app_token = app_token

    def application(self, routes: Iterable[web.AbstractRouteDef]) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._web_api),
                web.post("/response/{team}/{key}", self._response_url),
                web.get("/link", self._sockets.accept),
                *routes,
            ]
        )
        return app

    async def _web_api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fields, problem = await _fields(request)

        async def action() -> web.Response:
            if problem:
                return _json(SlackError(problem).document())
            try:
                return _json(self._call(request, name, dict(fields)), headers=self._granted())
            except RateLimitedError as error:
                retry_after = {"Retry-After": str(error.retry_after)}
                return _json(error.document(), status=429, headers=retry_after)
            except SlackError as error:
                return _json(error.document())

        return await self._logged(request, name, fields, action)

    async def _response_url(self, request: web.Request) -> web.StreamResponse:
        fields = decode_object(await request.read())

        async def action() -> web.Response:
            try:
                self._response_urls.respond(request.match_info["key"], fields)
            except ResponseUrlError as error:
                return _json({"ok": False, "error": error.error}, status=error.status)
            return web.Response(text="ok")

        return await self._logged(request, "response_url", fields or {}, action)

    async def _logged(
        self,
        request: web.Request,
        operation: str,
        fields: JsonObject,
        action: Callable[[], Awaitable[web.Response]],
    ) -> web.StreamResponse:
        entry = self._log.begin(Direction.TO_SLACK, operation, request.method, encode(fields))
        started = time.monotonic()
        call = Call(operation, request.method, request.path, dict(request.query), fields)
        served = await serve(self._faults, call, request, action, self._slack.workspace.clock)
        response = served.response
        body = response.body if isinstance(response, web.Response) else b""
        self._log.end(
            entry,
            status=response.status if served.replied else None,
            answer=body.decode(errors="replace") if isinstance(body, bytes) else "",
            seconds=time.monotonic() - started,
            note=type(served.fault.effect).__name__ if served.fault else "",
        )
        return response

    def _call(self, request: web.Request, name: str, fields: JsonObject) -> JsonObject:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._authorize(request, method, fields)
        self._slack.require_scope(*method.scopes)
        retry_after = self._slack.limiter.call(name, method.tier, self._slack.limits)
        if retry_after is not None:
            raise RateLimitedError(retry_after)
        return {"ok": True, **method.action(self._slack, fields)}

    def _granted(self) -> dict[str, str]:
        return {"X-OAuth-Scopes": ",".join(sorted(self._slack.workspace.identity.scopes))}

    def _authorize(self, request: web.Request, method: Method, fields: JsonObject) -> None:
        in_body = fields.pop("token", None)
        if method.token is TokenKind.NONE:
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token and request.content_type != "application/json":
            token = str(in_body or "")
        if not token:
            raise SlackError("not_authed")
        if token not in (self.bot_token, self._app_token):
            raise SlackError("invalid_auth")
        if (token == self._app_token) != (method.token is TokenKind.APP):
            raise SlackError("not_allowed_token_type")
        installation = self._slack.workspace.installation
        if installation is not Installation.INSTALLED:
            raise SlackError(installation.value)


async def _fields(request: web.Request) -> tuple[JsonObject, str]:
    """A request's arguments, and Slack's error name if its body can't be read."""
    fields: JsonObject = dict(request.query)
    if request.method == "GET":
        return fields, ""
    match request.content_type:
        case "application/json":
            document = decode_object(await request.read())
            if document is None:
                return fields, "invalid_json"
            return fields | document, ""
        case "application/x-www-form-urlencoded":
            form = await request.post()
            return fields | dict(form), ""
        case _ if request.can_read_body:
            return fields, "invalid_post_type"
        case _:
            return fields, ""


def _json(
    document: JsonObject, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response(document, status=status, headers=headers, dumps=encode)
