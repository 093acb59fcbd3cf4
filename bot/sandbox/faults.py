"""Faults that a sandbox server shows on demand: errors, lost requests and replies, delays, noise.

plan.add(Answer(429, headers={"Retry-After": "30"}), operation="chat.postMessage")
plan.add(LoseReply(), operation="create_endpoint")
outage = plan.add(Answer(503), times=None)   # everything fails …
plan.remove(outage)                          # … until it doesn't
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Call:
    """What a server knows of a request before acting on it, for predicates to look at.

    Attributes:
        operation: The API's name for it, such as "create_endpoint" or "chat.postMessage".
        method: The HTTP method.
        path: The path without its query.
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
    """Answer with this instead of the real reply.

    Attributes:
        status: The HTTP status.
        body: Sent as JSON, or as it is if bytes; None sends nothing.
        headers: Sent beside it.
        acts: Whether the request is carried out first, as a proxy's 502 can hide a success.
    """

    status: int
    body: JsonValue | bytes = None
    headers: Mapping[str, str] = field(default_factory=dict)
    acts: bool = False


@dataclass(frozen=True, slots=True)
class DropRequest:
    """Close the connection without acting."""


@dataclass(frozen=True, slots=True)
class LoseReply:
    """Act, then close the connection without a reply."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Act at once and reply late.

    Attributes:
        delay: Seconds of sandbox time.
    """

    delay: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never reply; the connection closes when the fault is removed or the plan cleared.

    Attributes:
        acts: Whether the request is carried out first.
    """

    acts: bool = False


@dataclass(frozen=True, slots=True)
class TruncateBody:
    """Act, then send only a part of the body and close the connection.

    Attributes:
        keep: Bytes of the body to send; half of it if None.
    """

    keep: int | None = None


@dataclass(frozen=True, slots=True)
class GarbageBody:
    """Act, then send a complete reply whose body makes no sense."""

    body: bytes = b"<html><body>\xff\xfe upstream says {"


@dataclass(frozen=True, slots=True)
class ShortReply:
    """Act, then leave a field out of the reply, as a version of the API without it would.

    Attributes:
        path: The field's name, after those of the objects that it lies in.
    """

    path: tuple[str, ...]


Effect = Respond | DropRequest | LoseReply | Slow | Hang | TruncateBody | GarbageBody | ShortReply


@dataclass(eq=False, slots=True)
class Fault:
    """One entry of a plan: what happens, to which calls, how often.

    Attributes:
        effect: What happens.
        operation: The operation it applies to; None for any.
        when: A further condition on the call; None for any.
        times: How many calls it will still strike; None for all until it is removed.
        taken: How many calls it has struck.
    """

    effect: Effect
    operation: str | None = None
    when: Callable[[Call], bool] | None = None
    times: int | None = 1
    taken: int = 0
    removed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def matches(self, call: Call) -> bool:
        """Tell whether this call is one that the fault is meant for."""
        return (
            (self.times is None or self.times > 0)
            and self.operation in (None, call.operation)
            and (self.when is None or self.when(call))
        )


class FaultPlan:
    """The faults to come, tried in the order in which they were added.

    Args:
        standing: Faults that belong to the server itself: tried last, untouched by `clear`.
    """

    def __init__(self, permanent: Iterable[Fault] = ()) -> None:
        self._permanent = tuple(permanent)
        self._faults: list[Fault] = []
        self._hanging: set[Fault] = set()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The planned faults that can still strike, without the standing ones."""
        return tuple(self._faults)

    def add(
        self,
        effect: Effect,
        *,
        operation: str | None = None,
        when: Callable[[Call], bool] | None = None,
        times: int | None = 1,
    ) -> Fault:
        """Plan a fault.

        Args:
            effect: What happens.
            operation: The operation to strike; None for any.
            when: A further condition on the call.
            times: How many calls to strike; None for all until `remove` or `clear`.

        Returns:
            The planned fault, for `remove` and for its count `taken`.

        Raises:
            ValueError: If `times` is below 1.
        """
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None for always")
        fault = Fault(effect, operation, when, times)
        self._faults.append(fault)
        return fault

    def take(self, call: Call) -> Fault | None:
        """Return the first fault that strikes this call and count it, or None."""
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
        """End a fault, also for the calls that hang on it; a fault that is over is ignored."""
        if fault in self._faults:
            self._faults.remove(fault)
        self._hanging.discard(fault)
        fault.removed.set()

    def clear(self) -> None:
        """End all planned faults and let go of hanging calls; a server does so when it closes."""
        for fault in {*self._faults, *self._hanging}:
            self.remove(fault)
