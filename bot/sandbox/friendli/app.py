"""The routes of the sandbox's Friendli API."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from aiohttp import web
from pydantic import BaseModel

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli.billing import cost
from bot.sandbox.friendli.credentials import Caller, Credentials
from bot.sandbox.friendli.endpoint import Endpoint
from bot.sandbox.friendli.endpoint_store import EndpointStore
from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.inference import Inference, Pace
from bot.sandbox.friendli.models import (
    CostQuery,
    CreateBody,
    ListQuery,
    NoQuery,
    PageQuery,
    UpdateBody,
)
from bot.sandbox.friendli.operations import OPERATIONS, Effect, Operation
from bot.sandbox.friendli.paging import page
from bot.sandbox.friendli.parsing import expect_no_body, parse_body, parse_query
from bot.sandbox.friendli.response_variants import Fields, ResponseVariant

ENDPOINTS = "/dedicated/beta/endpoint"
ENDPOINT = ENDPOINTS + "/{endpoint_id}"


class Api:
    """The operations, each a handler that raises `ApiError` to refuse."""

    def __init__(
        self,
        clock: SandboxClock,
        credentials: Credentials,
        store: EndpointStore,
        variant: Callable[[], ResponseVariant],
        pace: Pace,
    ) -> None:
        self._clock = clock
        self._credentials = credentials
        self._store = store
        self._variant = variant
        self._inference = Inference(clock, store, pace, self._caller, self._visible)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for method, path, handler, operation in (
            ("POST", ENDPOINTS, self._create, "create_endpoint"),
            ("GET", ENDPOINTS, self._list, "list_endpoints"),
            ("GET", ENDPOINT, self._get, "get_endpoint"),
            ("PUT", ENDPOINT, self._update, "update_endpoint"),
            ("GET", ENDPOINT + "/version", self._versions, "get_endpoint_version_history"),
            ("GET", ENDPOINT + "/status", self._status, "get_endpoint_status"),
            ("GET", "/v1/team/cost", self._cost, "get_cost"),
        ):
            router.add_route(method, path, handler, name=operation)
        for row in OPERATIONS.values():
            router.add_route(row.method, row.path, partial(self._operate, row), name=row.name)
        self._inference.add_routes(router)

    async def _create(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        parse_query(request, NoQuery)
        body = parse_body(request, await request.read(), CreateBody)
        self._credentials.check_project(caller, body.project_id)
        endpoint = self._store.create(body, caller)
        variant = self._variant()
        if variant.created_empty:
            return web.Response(status=variant.created_status)
        answer = self._status_of(endpoint, self._clock.now())
        answer |= dict.fromkeys(variant.id_fields, endpoint.id)
        return web.json_response(answer, status=variant.created_status)

    async def _list(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        query = parse_query(request, ListQuery)
        hidden = query.project_id in self._credentials.hidden
        if query.project_id and not hidden:
            self._credentials.check_project(caller, query.project_id)
        now = self._clock.now()
        listed = [
            (-endpoint.number, endpoint)
            for endpoint in reversed(self._store.endpoints.values())
            if self._sees(caller, endpoint)
            and endpoint.listed_at <= now
            and query.project_id in ("", endpoint.project_id)
        ]
        scope = f"endpoints {caller.team_id} {query.project_id}"
        shown, next_cursor = page(listed, cursor=query.cursor, limit=query.limit, scope=scope)
        variant = self._variant()
        statuses = {one.id: variant.listed(self._status_of(one, now)) for one in shown}
        data = {**statuses, **(variant.neighbours or {})}
        return web.json_response({"data": data, "nextCursor": next_cursor})

    async def _get(self, request: web.Request) -> web.Response:
        endpoint = await self._bare(request)
        return web.json_response(self._spec_of(endpoint))

    async def _update(self, request: web.Request) -> web.Response:
        endpoint = self._endpoint(request, self._caller(request))
        parse_query(request, NoQuery)
        self._store.update(endpoint, parse_body(request, await request.read(), UpdateBody))
        return web.json_response(self._spec_of(endpoint))

    async def _versions(self, request: web.Request) -> web.Response:
        endpoint = self._endpoint(request, self._caller(request))
        query = parse_query(request, PageQuery)
        newest_first = [(-number, number) for number in reversed(range(len(endpoint.versions)))]
        scope = f"versions {endpoint.id}"
        shown, next_cursor = page(newest_first, cursor=query.cursor, limit=query.limit, scope=scope)
        specs = {str(number): self._spec_of(endpoint, number) for number in shown}
        return web.json_response({"data": specs, "nextCursor": next_cursor})

    async def _status(self, request: web.Request) -> web.Response:
        return self._changed(await self._bare(request))

    async def _operate(self, operation: Operation, request: web.Request) -> web.Response:
        endpoint = await self._bare(request)
        self._store.operate(operation, endpoint)
        if operation.effect is Effect.VANISHES:
            return web.json_response(None)
        return self._changed(endpoint)

    async def _cost(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        query = parse_query(request, CostQuery)
        ever = (*self._store.endpoints.values(), *self._store.deleted)
        own = [endpoint for endpoint in ever if endpoint.team_id == caller.team_id]
        answer = cost(own, query, self._clock.now())
        return _json(answer, exclude_none=True)

    def _changed(self, endpoint: Endpoint) -> web.Response:
        return web.json_response(self._status_of(endpoint, self._clock.now()))

    def _status_of(self, endpoint: Endpoint, at: datetime) -> Fields:
        return self._variant().status(endpoint.status_at(at).model_dump(mode="json", by_alias=True))

    def _spec_of(self, endpoint: Endpoint, number: int | None = None) -> Fields:
        variant = self._variant()
        if variant.spec_fails:
            raise ApiError(500, "Internal error")
        spec = endpoint.spec_at(self._clock.now(), number)
        return variant.spec(spec.model_dump(mode="json", by_alias=True))

    def _caller(self, request: web.Request) -> Caller:
        return self._credentials.caller(
            request.headers.get("Authorization"), request.headers.get("X-Friendli-Team")
        )

    async def _bare(self, request: web.Request) -> Endpoint:
        endpoint = self._endpoint(request, self._caller(request))
        parse_query(request, NoQuery)
        expect_no_body(await request.read())
        return endpoint

    def _endpoint(self, request: web.Request, caller: Caller) -> Endpoint:
        return self._visible(caller, request.match_info["endpoint_id"])

    def _visible(self, caller: Caller, endpoint_id: str) -> Endpoint:
        endpoint = self._store.find(endpoint_id)
        if not self._sees(caller, endpoint):
            # the same message as for an unknown id, so that ids can't be probed
            raise ApiError(404, f"Endpoint '{endpoint_id}' not found.")
        return endpoint

    def _sees(self, caller: Caller, endpoint: Endpoint) -> bool:
        hidden = endpoint.project_id in self._credentials.hidden
        return endpoint.team_id == caller.team_id and not hidden


def _json(answer: BaseModel, *, exclude_none: bool = False) -> web.Response:
    content = answer.model_dump_json(by_alias=True, exclude_none=exclude_none)
    return web.Response(text=content, content_type="application/json")
