"""What Slack sends to the app: signed requests, or envelopes over Socket Mode."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.slack.request_log import Direction, RequestLog
from bot.sandbox.slack.signing import signature
from bot.sandbox.slack.socket_mode import NotConnectedError, SocketMode
from bot.sandbox.slack.wire import JsonObject, decode_object, encode


class Kind(StrEnum):
    """The kinds of deliveries, by their Socket Mode names."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload, ready to be sent and resent.

    Attributes:
        name: The payload's type, or the command; for the log.
        headers: For HTTP, with the signature.
        attempt: How many times an event was sent before.
    """

    kind: Kind
    name: str
    payload: JsonObject
    headers: dict[str, str]
    body: bytes
    attempt: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """How the app acknowledged a delivery.

    Attributes:
        status: The HTTP status, 200 over a socket; None if no response came in time.
        seconds: Real seconds until the response.
        error: What Slack's client shows instead: operation_timeout, dispatch_failed,
            or what is wrong with the response; empty if all is well.
        delivery: What was sent; None if Slack's client refused to send anything.
        plain: Whether the body is plain text rather than JSON.
    """

    status: int | None
    body: str
    seconds: float
    error: str
    delivery: Delivery | None
    plain: bool = False

    @property
    def ok(self) -> bool:
        """Whether the app acknowledged in time and with a valid response."""
        return not self.error

    @property
    def document(self) -> JsonObject:
        """The response as a JSON object; empty if it is none."""
        return {} if self.plain else decode_object(self.body) or {}


class Deliveries:
    """Sends deliveries and reads their acknowledgements.

    Args:
        sockets: Used when no address is set.
        seconds: Returns the real seconds in which the app must respond.

    Attributes:
        url: Where the app listens for HTTP; None for Socket Mode.
        signing_secret: Signs requests from now on.
    """

    def __init__(
        self,
        log: RequestLog,
        sockets: SocketMode,
        signing_secret: str,
        seconds: Callable[[], float],
    ) -> None:
        self._log = log
        self._sockets = sockets
        self._seconds = seconds
        self._http: aiohttp.ClientSession | None = None
        self.signing_secret = signing_secret
        self.url: str | None = None
        self.last: Delivery | None = None

    def prepare(self, kind: Kind, name: str, payload: JsonObject) -> Delivery:
        """Sign a payload now; it can be sent and replayed byte by byte."""
        if kind is Kind.EVENT:
            body, content_type = encode(payload).encode(), "application/json"
        else:
            form = payload if kind is Kind.COMMAND else {"payload": encode(payload)}
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        # The app checks the timestamp against its own clock, so this is real time.
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.signing_secret, timestamp, body),
        }
        return Delivery(kind, name, payload, headers, body)

    async def send(self, delivery: Delivery) -> Ack:
        self.last = delivery
        via = "POST" if self.url else "socket"
        entry = self._log.begin(
            Direction.TO_APP, delivery.name, via, encode({"payload": delivery.payload})
        )
        started = time.monotonic()
        status: int | None = None
        body, plain, error = "", False, ""
        try:
            async with asyncio.timeout(self._seconds()):
                if self.url:
                    status, body, plain = await self._send_request(self.url, delivery)
                else:
                    status, body = 200, await self._send_envelope(delivery)
        except TimeoutError:
            error = "operation_timeout"
        except (aiohttp.ClientError, NotConnectedError, ConnectionError) as reason:
            error = "dispatch_failed"
            body = str(reason)
        else:
            error = "" if status == 200 else "dispatch_failed"
        seconds = time.monotonic() - started
        retry = f"retry {delivery.attempt}, {delivery.reason}" if delivery.attempt else ""
        note = ": ".join(filter(None, (retry, error)))
        self._log.end(entry, status=status, answer=body, seconds=seconds, note=note)
        return Ack(status, body, seconds, error, delivery, plain)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _send_request(self, url: str, delivery: Delivery) -> tuple[int, str, bool]:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        headers = dict(delivery.headers)
        if delivery.attempt:
            headers["X-Slack-Retry-Num"] = str(delivery.attempt)
            headers["X-Slack-Retry-Reason"] = delivery.reason
        async with self._http.post(url, data=delivery.body, headers=headers) as response:
            body = await response.text(errors="replace")
            return response.status, body, response.content_type != "application/json"

    async def _send_envelope(self, delivery: Delivery) -> str:
        more: JsonObject = {"accepts_response_payload": delivery.kind is not Kind.EVENT}
        if delivery.kind is Kind.EVENT:
            more |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        answer = await self._sockets.deliver(delivery.kind, delivery.payload, more)
        return encode(answer) if answer else ""
