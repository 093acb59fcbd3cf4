"""The latest requests, with API keys masked."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import JsonValue


@dataclass(eq=False, slots=True)
class RequestRecord:
    """One request and its response; keys are shown as their last four characters.

    Attributes:
        operation: Such as "create_endpoint"; "unknown" for what the API doesn't have.
        authorization: The header, masked; None if missing.
        team: The header `X-Friendli-Team`.
        body: The parsed JSON, the text if it isn't JSON, None if there is none.
        acted: Whether it was carried out, whether or not the client learned of it.
        status: None before the response and if the connection was cut.
        answer: The body of the response, like `body`.
    """

    number: int
    at: datetime
    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    authorization: str | None
    team: str | None
    body: JsonValue
    done: bool = False
    acted: bool = False
    status: int | None = None
    answer: JsonValue = None
    fault: str | None = None


class RequestLog:
    """Keep the latest requests; `secrets` returns the keys to mask."""

    def __init__(self, size: int, secrets: Callable[[], Iterable[str]]) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=size)
        self._secrets = secrets
        self._count = 0
        self._callbacks: list[Callable[[RequestRecord], None]] = []

    @property
    def records(self) -> tuple[RequestRecord, ...]:
        return tuple(self._records)

    def subscribe(self, callback: Callable[[RequestRecord], None]) -> Callable[[], None]:
        """Call `callback` at the start and end of each request; returns the undo function."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def open(
        self, request: web.Request, operation: str, content: bytes, at: datetime
    ) -> RequestRecord:
        presented = request.headers.get("Authorization")
        self._count += 1
        record = RequestRecord(
            number=self._count,
            at=at,
            operation=operation,
            method=request.method,
            path=self._masked(request.path),
            query={self._masked(name): self._masked(v) for name, v in request.query.items()},
            authorization=None if presented is None else mask_authorization(presented),
            team=request.headers.get("X-Friendli-Team"),
            body=self._readable(content),
        )
        self._records.append(record)
        self._notify(record)
        return record

    def close(
        self, record: RequestRecord, *, reply: web.StreamResponse | None, fault: str | None
    ) -> None:
        record.done = True
        record.fault = fault
        if reply is not None:
            record.status = reply.status
            content = reply.body if isinstance(reply, web.Response) else None
            record.answer = self._readable(content if isinstance(content, bytes) else b"")
        self._notify(record)

    def _notify(self, record: RequestRecord) -> None:
        for callback in tuple(self._callbacks):
            callback(record)

    def _readable(self, content: bytes) -> JsonValue:
        text = self._masked(content.decode(errors="replace"))
        try:
            parsed: JsonValue = json.loads(text)
        except ValueError:
            return text or None
        return parsed

    def _masked(self, text: str) -> str:
        for secret in self._secrets():
            text = text.replace(secret, mask(secret))
        return text


def mask(secret: str) -> str:
    """The last four characters of a secret; none if it is shorter than eight."""
    return f"…{secret[-4:]}" if len(secret) >= 8 else "…"


def mask_authorization(presented: str) -> str:
    scheme, space, secret = presented.partition(" ")
    return f"{scheme} {mask(secret)}" if space else mask(presented)
