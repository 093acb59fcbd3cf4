"""A Friendli API on loopback, with controls over its endpoints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from email.utils import format_datetime
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web
from pydantic import JsonValue

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import FaultPlan
from bot.sandbox.friendli.app import Api
from bot.sandbox.friendli.billing import dollars
from bot.sandbox.friendli.changes import Changes
from bot.sandbox.friendli.credentials import Caller, Credentials
from bot.sandbox.friendli.endpoint import Endpoint
from bot.sandbox.friendli.endpoint_store import EndpointStore
from bot.sandbox.friendli.exchange import exchange_through
from bot.sandbox.friendli.inference import Pace
from bot.sandbox.friendli.lifecycle import Durations
from bot.sandbox.friendli.models import CreateBody, UpdateBody
from bot.sandbox.friendli.operations import OPERATIONS
from bot.sandbox.friendli.request_log import RequestLog, RequestRecord
from bot.sandbox.friendli.response_variants import RESPONSE_VARIANTS
from bot.sandbox.friendli.scenarios import model_faults
from bot.sandbox.friendli.timeline import Segment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EndpointView:
    """What Friendli Suite would show of an endpoint; `charged` in US dollars."""

    id: str
    name: str
    model: str
    project_id: str
    instance_option_id: str
    status: str
    phase: str | None
    error_code: str | None
    created_at: datetime
    updated_at: datetime | None
    charged: Decimal
    versions: int


class FriendliSandbox:
    """A Friendli API on loopback.

    Use as an async context manager, or with `start` and `close`. The controls act as Friendli
    Suite would, without a request; those that take an endpoint id raise `ApiError` where the API
    would refuse.

    Args:
        list_lag: Seconds of sandbox time until lists show a new endpoint.

    Attributes:
        variant: How endpoints are described from now on; see `RESPONSE_VARIANTS`.
        pace: How fast tokens come.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        port: int = 0,
        durations: Durations | None = None,
        list_lag: float = 0.0,
        log_size: int = 500,
    ) -> None:
        self._clock = clock
        self._port = port
        self._credentials = Credentials()
        self.variant = RESPONSE_VARIANTS["published"]
        self._store = EndpointStore(
            clock,
            durations or Durations(),
            list_lag,
            new_id=lambda id_: self.variant.new_id(id_),  # noqa: PLW0108 - it may be another then
        )
        self._request_log = RequestLog(log_size, lambda: self._credentials.keys)
        self._changes = Changes(clock, self._store.next_change)
        self._runner: web.AppRunner | None = None
        self.faults = FaultPlan(model_faults())
        self.pace = Pace()

    async def start(self) -> None:
        """Listen; after `close`, on the same port as before."""
        exchange = exchange_through(self.faults, self._request_log, self._changes, self._clock)
        app = web.Application(middlewares=[exchange])
        Api(
            self._clock, self._credentials, self._store, lambda: self.variant, self.pace
        ).add_routes(app.router)
        app.on_response_prepare.append(self._stamp)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        self.faults.clear()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def start_speed(self) -> float:
        """How many times faster than in life endpoints start, stop and change; 0 for never."""
        return self._store.start_speed

    @start_speed.setter
    def start_speed(self, speed: float) -> None:
        self._store.start_speed = speed
        self._changes.announce()

    # --- keys and projects

    def add_key(self, key: str, *, team_id: str, user_id: str = "user-sandbox") -> None:
        """Let a key act for a team; call again for a further team."""
        self._credentials.add_key(key, team_id=team_id, user_id=user_id)

    def revoke_key(self, key: str) -> None:
        """Answer 401 to a key from now on."""
        self._credentials.revoke(key)

    def add_project(self, project_id: str, team_id: str) -> None:
        self._credentials.projects[project_id] = team_id

    def hide_project(self, project_id: str) -> None:
        """Hide a project: empty lists, 404 for its endpoints."""
        self._credentials.hidden.add(project_id)

    def unhide_project(self, project_id: str) -> None:
        self._credentials.hidden.discard(project_id)

    # --- endpoints, as from Friendli Suite

    @property
    def endpoints(self) -> dict[str, EndpointView]:
        """All existing endpoints by id, oldest first, listed or not."""
        return {id_: self._view(endpoint) for id_, endpoint in self._store.endpoints.items()}

    def create(
        self,
        *,
        project_id: str,
        name: str,
        model: str = "sandbox/works",
        instance_option_id: str = "TwD5AqnBSVN0",
        replicas: int = 1,
        sleeps_after: int | None = None,
    ) -> str:
        """Create an endpoint and return its id.

        Args:
            replicas: How many, if it doesn't sleep.
            sleeps_after: Cool-down in seconds of an endpoint that scales between 0 and 1.
        """
        team_id = self._credentials.projects[project_id]
        scaling: dict[str, JsonValue] = (
            {"simplescale": {"replicas": replicas}}
            if sleeps_after is None
            else {"autoscalingPolicy": {"cooldownPeriod": sleeps_after}}
        )
        body = CreateBody.model_validate(
            {
                "projectId": project_id,
                "name": name,
                "instanceOptionId": instance_option_id,
                "hfModelRepo": model,
                "advanced": {
                    "tokenizer_skip_special_tokens": True,
                    "tokenizer_add_special_tokens": True,
                },
                **scaling,
            }
        )
        endpoint = self._store.create(body, Caller("user-suite", team_id))
        self._changes.announce()
        return endpoint.id

    def update(self, endpoint_id: str, *, replicas: int) -> None:
        """Create a version with another replica count and roll it out."""
        body = UpdateBody.model_validate({"simplescale": {"replicas": replicas}})
        self._control(lambda endpoint: self._store.update(endpoint, body), endpoint_id)

    def operate(self, operation: str, endpoint_id: str) -> None:
        """Carry out one of `operations.OPERATIONS`, by the API's name.

        Raises:
            ApiError: As the API would refuse it.
        """
        self._control(partial(self._store.operate, OPERATIONS[operation]), endpoint_id)

    def terminate(self, endpoint_id: str) -> None:
        self.operate("terminate_endpoint", endpoint_id)

    def restart(self, endpoint_id: str) -> None:
        self.operate("restart_endpoint", endpoint_id)

    def sleep(self, endpoint_id: str) -> None:
        self.operate("sleep_endpoint", endpoint_id)

    def wake(self, endpoint_id: str) -> None:
        self.operate("wake_endpoint", endpoint_id)

    def delete(self, endpoint_id: str) -> None:
        self._control(self._store.remove, endpoint_id)

    def set_status(
        self,
        endpoint_id: str,
        status: str,
        phase: str | None = None,
        error_code: str | None = None,
    ) -> None:
        """Show a status until the next operation on the endpoint."""
        self.script(endpoint_id, [Segment(status, phase, error_code)])

    def script(self, id_or_name: str, segments: Sequence[Segment]) -> None:
        """Replace an endpoint's timeline.

        Args:
            id_or_name: An endpoint's id (from now on), or a name (the first timeline of every
                endpoint that is created with it).
            segments: At least one; the last one stays.
        """
        endpoint = self._store.endpoints.get(id_or_name)
        if endpoint is None:
            self._store.script(id_or_name, segments)
        else:
            self._store.show(endpoint, segments)
            self._changes.announce()

    def fail_next(self, error_code: str) -> None:
        """Let the next start, wake-up or update of any endpoint fail."""
        self._store.fail_next(error_code)

    # --- watching

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        return self._request_log.records

    def on_request(self, callback: Callable[[RequestRecord], None]) -> Callable[[], None]:
        """Call `callback` at the start and end of each request; returns the undo function."""
        return self._request_log.subscribe(callback)

    async def changed(self) -> None:
        await self._changes.next()

    async def until(self, predicate: Callable[[], T], *, within: float = 5.0) -> T:
        """Return the result of `predicate` once it is truthy; checked at every change.

        Raises:
            TimeoutError: If `within` real seconds pass first.
        """
        return await self._changes.until(predicate, within)

    def _control(self, action: Callable[[Endpoint], None], endpoint_id: str) -> None:
        action(self._store.find(endpoint_id))
        self._changes.announce()

    def _view(self, endpoint: Endpoint) -> EndpointView:
        now = self._clock.now()
        status = endpoint.status_at(now)
        return EndpointView(
            id=endpoint.id,
            name=endpoint.version.name,
            model=endpoint.version.model,
            project_id=endpoint.project_id,
            instance_option_id=endpoint.version.instance.option_id,
            status=status.status,
            phase=status.phase,
            error_code=status.error_code,
            created_at=status.created_at,
            updated_at=status.updated_at,
            charged=dollars(endpoint, endpoint.created_at, now),
            versions=len(endpoint.versions),
        )

    async def _stamp(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(self._clock.now(), usegmt=True)
