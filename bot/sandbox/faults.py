"""Fault injection for the sandbox servers: errors, lost requests and responses, delays.

plan.add(Respond(429, headers={"Retry-After": "30"}), operation="chat.postMessage")
plan.add(LoseReply(), operation="create_endpoint")
outage = plan.add(Respond(503), times=None)   # every request fails …
plan.remove(outage)                           # … until the fault is removed
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Call:
    """A request before it is carried out, for predicates.

    Attributes:
        operation: The API's name for it, such as "create_endpoint" or "chat.postMessage".
        query: The query parameters; of repeated ones, the last.
        body: The fields of a JSON object or of a form; empty if there is neither.
    """

    operation: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Respond:
    """Respond with this instead of the real response.

    Attributes:
        body: Sent as JSON, or unchanged if bytes; None sends nothing.
        acts: Whether the request is carried out first, as behind a proxy's 502.
    """

    status: int
    body: JsonValue | bytes = None
    headers: Mapping[str, str] = field(default_factory=dict)
    acts: bool = False


@dataclass(frozen=True, slots=True)
class DropRequest:
    """Close the connection without carrying the request out."""


@dataclass(frozen=True, slots=True)
class LoseReply:
    """Carry the request out, then close the connection without a response."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Carry the request out at once and respond after `delay` seconds of sandbox time."""

    delay: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never respond; the connection closes when the fault is removed or the plan cleared.

    Attributes:
        acts: Whether the request is carried out first.
    """

    acts: bool = False


@dataclass(frozen=True, slots=True)
class TruncateBody:
    """Carry the request out, then send `keep` bytes of the body (default: half) and close."""

    keep: int | None = None


@dataclass(frozen=True, slots=True)
class GarbageBody:
    """Carry the request out, then send a complete response with an invalid body."""

    body: bytes = b"<html><body>\xff\xfe upstream says {"


@dataclass(frozen=True, slots=True)
class ShortReply:
    """Carry the request out, then omit the field at `path` from the response."""

    path: tuple[str, ...]


Effect = Respond | DropRequest | LoseReply | Slow | Hang | TruncateBody | GarbageBody | ShortReply


@dataclass(eq=False, slots=True)
class Fault:
    """One entry of a plan.

    Attributes:
        operation: The operation it applies to; None for any.
        when: A further condition on the call; None for any.
        times: How many more calls it applies to; None until it is removed.
        taken: How many calls it has applied to.
    """

    effect: Effect
    operation: str | None = None
    when: Callable[[Call], bool] | None = None
    times: int | None = 1
    taken: int = 0
    removed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def matches(self, call: Call) -> bool:
        return (
            (self.times is None or self.times > 0)
            and self.operation in (None, call.operation)
            and (self.when is None or self.when(call))
        )


class FaultPlan:
    """Planned faults, tried in the order in which they were added.

    Args:
        permanent: Faults of the server itself: tried last, untouched by `clear`.
    """

    def __init__(self, permanent: Iterable[Fault] = ()) -> None:
        self._permanent = tuple(permanent)
        self._faults: list[Fault] = []
        self._hanging: set[Fault] = set()

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(self._faults)

    def add(
        self,
        effect: Effect,
        *,
        operation: str | None = None,
        when: Callable[[Call], bool] | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Plan a fault, for `times` calls or (None) until it is removed.

        Raises:
            ValueError: If `times` is below 1.
        """
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None for always")
        fault = Fault(effect, operation, when, times)
        self._faults.append(fault)
        return fault

    def take(self, call: Call) -> Fault | None:
        """The first fault that applies to this call, counted; or None."""
        candidates = (*self._faults, *self._permanent)
        fault = next((fault for fault in candidates if fault.matches(call)), None)
        if fault is None:
            return None
        fault.taken += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0 and fault in self._faults:
                self._faults.remove(fault)
        if isinstance(fault.effect, Hang):
            self._hanging.add(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """End a fault and release the requests that hang on it; no-op if it is over."""
        if fault in self._faults:
            self._faults.remove(fault)
        self._hanging.discard(fault)
        fault.removed.set()

    def clear(self) -> None:
        """End all planned faults and release hanging requests; the server does so on close."""
        for fault in {*self._faults, *self._hanging}:
            self.remove(fault)
