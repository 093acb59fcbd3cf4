"""Carry a request out as the fault plan says."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import (
    Call,
    DropRequest,
    Fault,
    FaultPlan,
    GarbageBody,
    Hang,
    LoseReply,
    Respond,
    ShortReply,
    Slow,
    TruncateBody,
)


@dataclass(frozen=True, slots=True)
class Served:
    """How a request ended.

    Attributes:
        response: To be returned from the aiohttp handler in any case.
        replied: Whether the client got a complete response; False if the connection was cut.
    """

    response: web.StreamResponse
    replied: bool
    fault: Fault | None


async def serve(
    plan: FaultPlan,
    call: Call,
    request: web.Request,
    action: Callable[[], Awaitable[web.Response]],
    clock: SandboxClock,
) -> Served:
    """Carry out a request as the plan says.

    Args:
        request: The aiohttp request, whose body has been read.
        action: Carries the request out and builds the real response; awaited at most once.
    """
    fault = plan.take(call)
    if fault is None:
        return Served(await action(), replied=True, fault=None)
    match fault.effect:
        case Respond() as answer:
            if answer.acts:
                await action()
            return Served(_answer(answer), replied=True, fault=fault)
        case Slow(delay):
            response = await action()
            await clock.sleep(delay)
            return Served(response, replied=True, fault=fault)
        case ShortReply(path):
            return Served(_without(await action(), path), replied=True, fault=fault)
        case GarbageBody(body):
            response = await action()
            response.body = body
            return Served(response, replied=True, fault=fault)
        case TruncateBody(keep):
            cut = await _truncate(request, await action(), keep)
            return Served(cut, replied=False, fault=fault)
        case DropRequest() | LoseReply() | Hang() as silence:
            await _keep_silent(silence, fault, action)
            return Served(_drop(request), replied=False, fault=fault)


async def _keep_silent(
    silence: DropRequest | LoseReply | Hang,
    fault: Fault,
    action: Callable[[], Awaitable[web.Response]],
) -> None:
    if silence == LoseReply() or silence == Hang(acts=True):
        await action()
    if isinstance(silence, Hang):
        await fault.removed.wait()


def _answer(answer: Respond) -> web.Response:
    if answer.body is None or isinstance(answer.body, bytes):
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


def _without(response: web.Response, path: tuple[str, ...]) -> web.Response:
    whole = json.loads(response.body if isinstance(response.body, bytes) else b"{}")
    part = whole
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return web.json_response(whole, status=response.status)


async def _truncate(
    request: web.Request, whole: web.Response, keep: int | None
) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status, headers=whole.headers)
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2 if keep is None else keep])
    if request.transport is not None:
        # unlike abort, close still sends what was written
        request.transport.close()
    return part


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
