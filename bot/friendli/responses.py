"""Schema-independent parts of Friendli's responses: messages, dates, waits."""

import re
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import JsonValue, SecretStr
from pydantic_core import from_json

from bot.domain.friendli_errors import RefusedField
from bot.domain.process.bounded_body import BodyReader, TooLargeError

# Ten times a page of a hundred endpoints with every field.
MAX_BODY_BYTES = 2_000_000
_INFLATED_AT_ONCE = 64 * 1024
MAX_MESSAGE = 500
_MOST_FIELDS = 20
_LONGEST_FIELD_MESSAGE = 200
_LONGEST_NAME = 60
# Searched for messages: bytes of JSON, and characters of any text. Megabytes would block the
# event loop.
_LARGEST_JSON = 100_000
_SEARCHED = 20_000
# No response may delay a caller longer, whatever it says.
MAX_RETRY_AFTER = 86_400.0

_REDACTED = "[key]"
# Friendli's keys begin with flp_; a response may quote another key than ours.
_KEYS = re.compile(r"\bflp_\w+|\bBearer\s+[^\s\"',;]+", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response of which at least the status was read.

    Its repr shows the status only, since the rest may quote the key.

    Attributes:
        body: None when it broke off or exceeds `MAX_BODY_BYTES`.
    """

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def date(self) -> datetime | None:
        """The API's clock at the response, to the second; None without one."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before the next request; None if the response has no time.

        A date is compared with the response's own `Date`, not with our clock.
        """
        value = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
            return min(float(value), MAX_RETRY_AFTER)
        if (until := _http_date(value)) is None:
            return None
        wait = (until - (self.date or datetime.now(UTC))).total_seconds()
        return min(max(wait, 0.0), MAX_RETRY_AFTER)

    def message(self, api_key: SecretStr) -> str:
        """The message of the response: one line, at most 500 characters, without keys."""
        key = api_key.get_secret_value()
        # Before the cut, which may leave only a part of the key.
        body = (self.body or b"").replace(key.encode(), _REDACTED.encode())
        text = body[:_SEARCHED].decode(errors="replace")
        try:
            value = _json(body)
        except ValueError:
            message = _title(text) if text.lstrip().startswith("<") else text
        else:
            message = _error_message(value) or (text if value else "")
        return _line(message, api_key, MAX_MESSAGE)

    def field_errors(self, api_key: SecretStr) -> tuple[RefusedField, ...]:
        """Messages about single fields, in FastAPI's shape; without keys, 20 at most."""
        try:
            value = _json(self.body or b"")
        except ValueError:
            return ()
        detail = value.get("detail") if isinstance(value, dict) else None
        found = []
        for entry in (detail if isinstance(detail, list) else [])[:_MOST_FIELDS]:
            match entry:
                case {"msg": str(message), "loc": list(place)}:
                    names = [_line(str(name), api_key, _LONGEST_NAME) for name in place[:9]]
                    text = _line(message, api_key, _LONGEST_FIELD_MESSAGE) or "refused"
                    # The first is the part of the request, which people never see.
                    found.append(RefusedField([name for name in names if name != "body"], text))
        return tuple(found)


def _json(body: bytes) -> JsonValue:
    value: JsonValue = from_json(body[:_LARGEST_JSON])
    return value


def _line(message: str, api_key: SecretStr, limit: int) -> str:
    message = message.replace(api_key.get_secret_value(), _REDACTED)[:_SEARCHED]
    message = _KEYS.sub(_REDACTED, message)
    # Control characters and lone surrogates can be neither stored nor sent on.
    printable = "".join(char if char.isprintable() else " " for char in message)
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


async def read_body(response: httpx.Response, reader: BodyReader) -> bytes | None:
    """The body of a streamed response; None when it exceeds `MAX_BODY_BYTES`.

    None too for an encoding that wasn't asked for. Decompression stops at the limit: each byte may
    become a thousand.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding not in {"identity", "gzip"}:
        return None
    chunks = response.aiter_raw()
    if encoding == "gzip":
        chunks = _inflated(chunks)
    try:
        return await reader.read(chunks, MAX_BODY_BYTES)
    except (TooLargeError, zlib.error):
        return None


async def _inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    async for compressed in chunks:
        left = compressed
        while left:
            yield inflater.decompress(left, _INFLATED_AT_ONCE)
            left = inflater.unconsumed_tail
    yield inflater.flush()


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        # A zone may lead out of the range of years.
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _title(html: str) -> str:
    found = _TITLE.search(html)
    return found[1] if found else ""


def _error_message(value: JsonValue) -> str:
    """The message in the usual shapes of a JSON error: FastAPI's, OpenAI's, and plainer."""
    match value:
        case str():
            return value
        case list():
            return "; ".join(filter(None, map(_error_message, value)))
        case {"msg": str(message), "loc": list(place)}:
            # FastAPI begins each place with the part of the request, which people never see.
            names = [str(name) for name in place if name != "body"]
            return f"{'.'.join(names)}: {message}" if names else message
        case dict():
            keys = ("detail", "details", "message", "msg", "error", "errors")
            return next(filter(None, (_error_message(value.get(key)) for key in keys)), "")
        case _:
            return ""
