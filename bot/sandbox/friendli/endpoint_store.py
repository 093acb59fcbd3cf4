"""The endpoints of the sandbox and the operations on them."""

import secrets
import string
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli.credentials import Caller
from bot.sandbox.friendli.endpoint import Endpoint, Scaling, Version
from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.instances import INSTANCES, Instance
from bot.sandbox.friendli.lifecycle import Durations, idling, starting, terminating, updating
from bot.sandbox.friendli.models import AutoscalingPolicy, CreateBody, Simplescale, UpdateBody
from bot.sandbox.friendli.operations import (
    Effect,
    Inference,
    Operation,
    can_be_updated,
    status_of,
)
from bot.sandbox.friendli.timeline import Segment, Timeline

# In place of zero: a second of a start takes years.
_STANDING_STILL = 1e-6
_ID_LETTERS = string.ascii_lowercase + string.digits


class EndpointStore:
    """Every endpoint, past and present.

    Args:
        list_lag: Seconds of sandbox time until lists show a new endpoint.
        new_id: Derives an endpoint's id from a plain one.
    """

    def __init__(
        self,
        clock: SandboxClock,
        durations: Durations,
        list_lag: float,
        *,
        new_id: Callable[[str], str] = str,
    ) -> None:
        self._clock = clock
        self._durations = durations
        self._list_lag = list_lag
        self._new_id = new_id
        self._scripts: dict[str, Sequence[Segment]] = {}
        self._next_failure: str | None = None
        self._start_speed = 1.0
        self.endpoints: dict[str, Endpoint] = {}
        self.deleted: list[Endpoint] = []

    @property
    def start_speed(self) -> float:
        """How many times faster than in life endpoints start, stop and change; 0 for never.

        Only these: what they cost and how long they idle is counted by the clock.
        """
        return 0.0 if self._start_speed == _STANDING_STILL else self._start_speed

    @start_speed.setter
    def start_speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("a speed can't be negative")
        old, self._start_speed = self._start_speed, speed or _STANDING_STILL
        for endpoint in self.endpoints.values():
            endpoint.timeline.rescale(self._clock.now(), old / self._start_speed)

    def find(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint, or raise `ApiError` 404."""
        endpoint = self.endpoints.get(endpoint_id)
        if endpoint is None:
            raise ApiError(404, f"Endpoint '{endpoint_id}' not found.")
        return endpoint

    def next_change(self) -> datetime | None:
        now = self._clock.now()
        moments = [endpoint.timeline.next_after(now) for endpoint in self.endpoints.values()]
        moments += [endpoint.listed_at for endpoint in self.endpoints.values()]
        return min((moment for moment in moments if moment and moment > now), default=None)

    def create(self, body: CreateBody, caller: Caller) -> Endpoint:
        """Create an endpoint, or as many copies as its model's name asks for; returns the first.

        Raises:
            ApiError: 400 for invalid values, or the refusal that the model's name asks for.
        """
        version = Version(
            name=_filled("name", body.name),
            instance=_instance(body.instance_option_id),
            model=_filled("hfModelRepo", body.hf_model_repo),
            revision=body.hf_model_repo_revision,
            advanced=body.advanced,
            scaling=_scaling(body.simplescale, body.autoscaling_policy or AutoscalingPolicy()),
            comment=body.initial_version_comment,
        )
        refusal = version.scenario.refusal
        if refusal is not None:
            raise ApiError(refusal.status, refusal.detail)
        copies = [
            self._make(version, body.project_id, caller) for _ in range(version.scenario.copies)
        ]
        return copies[0]

    def update(self, endpoint: Endpoint, body: UpdateBody) -> None:
        """Add a version; a running one keeps serving during the roll-out.

        Raises:
            ApiError: 400 while the endpoint changes, or for invalid values.
        """
        status = self._require(endpoint, "updated", can_be_updated)
        old = endpoint.version
        scaled = body.simplescale is not None or body.autoscaling_policy is not None
        version = Version(
            name=old.name if body.name is None else _filled("name", body.name),
            instance=(
                old.instance
                if body.instance_option_id is None
                else _instance(body.instance_option_id)
            ),
            model=(
                old.model
                if body.hf_model_repo is None
                else _filled("hfModelRepo", body.hf_model_repo)
            ),
            revision=body.hf_model_repo_revision or old.revision,
            advanced=body.advanced or old.advanced,
            scaling=_scaling(body.simplescale, body.autoscaling_policy) if scaled else old.scaling,
            comment=body.new_version_comment,
        )
        endpoint.versions.append(version)
        if status_of(status).is_up:
            segments = updating(
                version.scenario,
                self._durations,
                old=old.replicas,
                error_code=self._failure(version),
                cooldown=version.idle_seconds,
            )
            self._replan(endpoint, segments)

    def operate(self, operation: Operation, endpoint: Endpoint) -> None:
        """Carry out one of the table's operations; 400 in a status that refuses it."""
        self._require(endpoint, operation.done, operation.takes)
        match operation.effect:
            case Effect.STARTS:
                self._start(endpoint, operation.status)
            case Effect.SHOWS:
                self._replan(endpoint, [Segment(operation.status)])
            case Effect.GOES_DOWN:
                self._replan(endpoint, terminating(self._durations, operation.status))
            case Effect.VANISHES:
                self.remove(endpoint)
            case _ as unknown:
                assert_never(unknown)

    def remove(self, endpoint: Endpoint) -> None:
        self._replan(endpoint, [Segment("TERMINATED")])
        del self.endpoints[endpoint.id]
        self.deleted.append(endpoint)

    def infer(self, endpoint: Endpoint) -> None:
        """Inference request: restarts the cool-down, wakes a sleeping endpoint.

        Raises:
            ApiError: 503 while it starts, 400 if it won't start.
        """
        status = endpoint.timeline.at(self._clock.now()).status
        facts = status_of(status)
        if facts.inference is Inference.REFUSES:
            raise ApiError(400, f"An endpoint that is {status} can't answer.")
        if facts.inference is Inference.WAKES:
            self._start(endpoint, "AWAKING")
        if facts.inference is not Inference.ANSWERS:
            raise ApiError(503, "Endpoint is unavailable")
        version = endpoint.version
        idle = None if version.scenario.afterwards else version.idle_seconds
        if facts.is_up and idle is not None:
            self._replan(endpoint, idling(status, self._durations, idle))

    def show(self, endpoint: Endpoint, segments: Sequence[Segment]) -> None:
        self._replan(endpoint, segments)

    def script(self, name: str, segments: Sequence[Segment]) -> None:
        """Set the first timeline of every endpoint that is created under a name."""
        self._scripts[name] = segments

    def fail_next(self, error_code: str) -> None:
        """Let the next start, wake-up or update fail."""
        self._next_failure = error_code

    def _make(self, version: Version, project_id: str, caller: Caller) -> Endpoint:
        now = self._clock.now()
        segments = self._scripts.get(version.name) or starting(
            version.scenario,
            self._durations,
            status="INITIALIZING",
            error_code=self._failure(version),
            cooldown=version.idle_seconds,
        )
        lag = timedelta(seconds=self._list_lag + version.scenario.listed_after / self._start_speed)
        endpoint = Endpoint(
            id=self._new_id("dep" + "".join(secrets.choice(_ID_LETTERS) for _ in range(12))),
            number=len(self.endpoints) + len(self.deleted),
            project_id=project_id,
            team_id=caller.team_id,
            creator_id=caller.user_id,
            created_at=now,
            listed_at=now + lag,
            versions=[version],
            timeline=Timeline(now, segments, version.replicas, self._start_speed),
        )
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def _start(self, endpoint: Endpoint, status: str) -> None:
        version = endpoint.version
        segments = starting(
            version.scenario,
            self._durations,
            status=status,
            error_code=self._failure(version, healed=version.scenario.fails_once),
            cooldown=version.idle_seconds,
        )
        self._replan(endpoint, segments)

    def _failure(self, version: Version, *, healed: bool = False) -> str | None:
        forced, self._next_failure = self._next_failure, None
        return forced or (None if healed else version.scenario.error_code)

    def _replan(self, endpoint: Endpoint, segments: Sequence[Segment]) -> None:
        now = self._clock.now()
        endpoint.timeline.replan(now, segments, endpoint.version.replicas, self._start_speed)

    def _require(self, endpoint: Endpoint, done: str, takes: Callable[[str], bool]) -> str:
        status = endpoint.timeline.at(self._clock.now()).status
        if not takes(status):
            raise ApiError(400, f"An endpoint that is {status} can't be {done}.")
        return status


def _filled(name: str, text: str) -> str:
    if not text.strip():
        raise ApiError(400, f"{name} must not be empty.")
    return text


def _instance(option_id: str) -> Instance:
    instance = INSTANCES.get(option_id)
    if instance is None:
        raise ApiError(400, f"Unknown instance option '{option_id}'.")
    return instance


def _scaling(fixed: Simplescale | None, policy: AutoscalingPolicy | None) -> Scaling:
    if fixed is not None:
        return Scaling(fixed.replicas, fixed.replicas, 300)
    policy = policy or AutoscalingPolicy()
    if not policy.min_replica <= policy.max_replica or policy.max_replica < 1:
        raise ApiError(400, "maxReplica must be at least 1 and not less than minReplica.")
    if policy.cooldown_period < 0:
        raise ApiError(400, "cooldownPeriod must not be negative.")
    return Scaling(policy.min_replica, policy.max_replica, policy.cooldown_period)
