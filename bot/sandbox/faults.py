"""Faults that a sandbox server shows on demand: errors, lost requests and replies, delays, noise.

plan.add(Answer(429, headers={"Retry-After": "30"}), operation="chat.postMessage")
plan.add(LoseReply(), operation="create_endpoint")
outage = plan.add(Answer(503), times=None)   # everything fails …
plan.remove(outage)                          # … until it doesn't
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import JsonValue

from bot.sandbox.clock import SandboxClock


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
class Answer:
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


Effect = Answer | DropRequest | LoseReply | Slow | Hang | TruncateBody | GarbageBody


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

    def strikes(self, call: Call) -> bool:
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

    def __init__(self, standing: Iterable[Fault] = ()) -> None:
        self._standing = tuple(standing)
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
        candidates = (*self._faults, *self._standing)
        fault = next((fault for fault in candidates if fault.strikes(call)), None)
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


@dataclass(frozen=True, slots=True)
class Served:
    """How a request ended.

    Attributes:
        response: To be returned from the aiohttp handler in any case.
        replied: Whether the client got a whole reply; False if the connection was cut.
        fault: The fault that struck, if any.
    """

    response: web.StreamResponse
    replied: bool
    fault: Fault | None


async def serve(
    plan: FaultPlan,
    call: Call,
    request: web.Request,
    act: Callable[[], Awaitable[web.Response]],
    clock: SandboxClock,
) -> Served:
    """Carry out a request as the plan wants it.

    Args:
        plan: Where a fault may lie in wait.
        call: The request as predicates see it.
        request: The aiohttp request, whose body has been read.
        act: Carries the request out and builds the real reply; awaited at most once.
        clock: Times delays.
    """
    fault = plan.take(call)
    if fault is None:
        return Served(await act(), replied=True, fault=None)
    match fault.effect:
        case Answer() as answer:
            if answer.acts:
                await act()
            return Served(_answer(answer), replied=True, fault=fault)
        case Slow(delay):
            response = await act()
            await clock.sleep(delay)
            return Served(response, replied=True, fault=fault)
        case GarbageBody(body):
            response = await act()
            response.body = body
            return Served(response, replied=True, fault=fault)
        case TruncateBody(keep):
            cut = await _truncate(request, await act(), keep)
            return Served(cut, replied=False, fault=fault)
        case DropRequest() | LoseReply() | Hang() as silence:
            await _keep_silent(silence, fault, act)
            return Served(_drop(request), replied=False, fault=fault)


async def _keep_silent(
    silence: DropRequest | LoseReply | Hang,
    fault: Fault,
    act: Callable[[], Awaitable[web.Response]],
) -> None:
    if silence == LoseReply() or silence == Hang(acts=True):
        await act()
    if isinstance(silence, Hang):
        await fault.removed.wait()


def _answer(answer: Answer) -> web.Response:
    if answer.body is None or isinstance(answer.body, bytes):
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


async def _truncate(
    request: web.Request, whole: web.Response, keep: int | None
) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status, headers=whole.headers)
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2 if keep is None else keep])
    if request.transport is not None:
        # close, unlike abort, still sends what was written
        request.transport.close()
    return part


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
