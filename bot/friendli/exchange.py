"""One HTTP exchange with Friendli's API, and its outcome."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx
from pydantic import JsonValue

from bot.domain.friendli_errors import (
    FriendliError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from bot.domain.process.bounded_body import BodyReader
from bot.domain.process.metrics import FRIENDLI_REQUESTS, status_class
from bot.friendli.credentials import CredentialHeaders, Credentials
from bot.friendli.responses import Response, read_body

# Raised before any byte of the request was sent.
NOT_CONNECTED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_REFUSALS: Mapping[int, type[Refused]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    429: RateLimited,
}
# "Request Timeout" and "Too Early" may come from a proxy, whatever the API then does.
_UNDECIDED = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `path` is percent-encoded, `operation` names the client's method in errors."""

    operation: str
    credentials: Credentials
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None


@dataclass(frozen=True, slots=True)
class NoResponse:
    """A request without a response.

    Attributes:
        reason: For the log: the name of an httpx exception, or "Deadline".
        left: Whether any of it may have reached the API.
    """

    reason: str
    left: bool


async def exchange(
    client: httpx.AsyncClient, call: Call, reader: BodyReader, *, time_limit: float | None
) -> Response | NoResponse:
    """Send a request once within `time_limit` seconds, and count it.

    The outcome is returned, not raised: an exception raised from one of httpx's would keep the
    request, and with it the key. httpx's own limits restart with every byte.
    """
    outcome = await _send(client, call, reader, time_limit)
    if isinstance(outcome, Response):
        word = status_class(outcome.status)
    else:
        word = "no_response" if outcome.left else "not_sent"
    FRIENDLI_REQUESTS.labels(call.operation, word).inc()
    return outcome


async def _send(
    client: httpx.AsyncClient, call: Call, reader: BodyReader, time_limit: float | None
) -> Response | NoResponse:
    answer: Response | None = None
    try:
        async with (
            asyncio.timeout(time_limit),
            client.stream(
                call.method,
                call.path,
                params=call.params,
                json=call.body,
                auth=CredentialHeaders(call.credentials),
            ) as response,
        ):
            answer = Response(response.status_code, response.headers)
            answer = replace(answer, body=await read_body(response, reader))
    except NOT_CONNECTED as error:
        return NoResponse(type(error).__name__, left=False)
    except TimeoutError:
        return answer or NoResponse("Deadline", left=True)
    except (httpx.RequestError, OSError) as error:
        return answer or NoResponse(type(error).__name__, left=True)
    return answer


def failure_of_reading(
    call: Call, outcome: Response | NoResponse, reason: str = ""
) -> FriendliError:
    match outcome:
        case NoResponse():
            return Unavailable(call.operation, reason=outcome.reason)
        case Response():
            return _refusal(call, outcome) or Unavailable(
                call.operation,
                status=outcome.status,
                message=outcome.message(call.credentials.api_key),
                reason=reason,
                retry_after=outcome.retry_after,
            )


def failure_of_changing(
    call: Call, outcome: Response | NoResponse, reason: str = ""
) -> FriendliError:
    match outcome:
        case NoResponse(left=False):
            return NotSent(call.operation, reason=outcome.reason)
        case NoResponse():
            return OutcomeUnknown(call.operation, reason=outcome.reason)
        case Response():
            return _refusal(call, outcome) or OutcomeUnknown(
                call.operation,
                status=outcome.status,
                message=outcome.message(call.credentials.api_key),
                reason=reason,
                retry_after=outcome.retry_after,
            )


def _refusal(call: Call, answer: Response) -> Refused | None:
    if not 400 <= answer.status < 500 or answer.status in _UNDECIDED:
        return None
    return _REFUSALS.get(answer.status, Refused)(
        call.operation,
        status=answer.status,
        message=answer.message(call.credentials.api_key),
        retry_after=answer.retry_after,
        fields=answer.field_errors(call.credentials.api_key),
    )
