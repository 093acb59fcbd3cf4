"""Sends inference requests to dedicated endpoints, and streams their answers.

Nothing is repeated here. A request that the API refused raises `Refused`; one that didn't reach it
`NotSent`; everything else, such as a stream that breaks off, `Unavailable`. No error keeps httpx's
own exception, which would keep the key.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from pydantic import JsonValue

from bot.domain.friendli_errors import FriendliError, NotSent, Unavailable
from bot.domain.inference import Chunk, InferenceKind, Prompt
from bot.domain.process.bounded_body import LargeBodies
from bot.domain.process.metrics import FRIENDLI_REQUESTS, status_class
from bot.friendli.chunks import Answer, Embeddings, parsed
from bot.friendli.client import tls_context
from bot.friendli.credentials import CredentialHeaders, Credentials
from bot.friendli.event_stream import EventStreamParser, EventTooLargeError
from bot.friendli.exchange import NOT_CONNECTED, Call, NoResponse, failure_of_reading
from bot.friendli.responses import Response, read_body

# Thousands of tokens, each with its envelope.
MOST_BYTES = 8_000_000
# A server that sends so many in a row speaks another protocol.
_MOST_UNREADABLE = 20
_DONE = b"[DONE]"
_NO_CHUNKS = "unreadable answer"
_BROKE_OFF = "the stream broke off"

_PATHS: Mapping[InferenceKind, tuple[str, str]] = {
    InferenceKind.CHAT: ("chat_completions", "/chat/completions"),
    InferenceKind.COMPLETION: ("completions", "/completions"),
    InferenceKind.EMBEDDING: ("embeddings", "/embeddings"),
}


@dataclass(frozen=True, slots=True)
class InferenceLimits:
    """Time limits, in seconds.

    Attributes:
        connect: To get a connection.
        first_byte: From the request to the first byte of the answer's body.
        silence: Between two bytes after that.
        total: Of the whole answer.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    silence: float = 30.0
    total: float = 300.0


class InferenceClient:
    """A client of one inference API, for any number of keys; a context manager.

    Args:
        base_url: Such as "https://api.friendli.ai/dedicated/v1".
        connections: Maximum of open connections.
    """

    def __init__(self, base_url: str, *, connections: int = 100) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            verify=tls_context(),
            headers={"User-Agent": "friendli-deploy", "Accept-Encoding": "identity"},
            # One that went stale while idle would make a request's outcome unknown.
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=0),
        )
        self._bodies = LargeBodies()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def stream(
        self,
        credentials: Credentials,
        endpoint_id: str,
        kind: InferenceKind,
        prompt: Prompt,
        limits: InferenceLimits | None = None,
    ) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Send a chat or a completion once; iterate over the chunks of its answer.

        Leaving the block closes the connection, which ends the generation.

        Raises:
            FriendliError: On entering or while iterating.
        """
        operation, path = _PATHS[kind]
        body: dict[str, JsonValue] = {
            "model": endpoint_id,
            "max_tokens": prompt.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if kind is InferenceKind.CHAT:
            body["messages"] = [
                {"role": str(message.role), "content": message.content}
                for message in prompt.messages
            ]
        else:
            body["prompt"] = prompt.text
        call = Call(operation, credentials, "POST", path, body=body)
        limits = limits or InferenceLimits()
        deadline = asyncio.get_running_loop().time() + limits.total
        response = await self._open(call, limits)
        try:
            async with aclosing(self._chunks(call, response, limits, deadline)) as chunks:
                yield chunks
        finally:
            await response.aclose()

    async def embed(
        self,
        credentials: Credentials,
        endpoint_id: str,
        text: str,
        limits: InferenceLimits | None = None,
    ) -> None:
        """Ask for one embedding; returns if there was one.

        Raises:
            FriendliError: See the module.
        """
        operation, path = _PATHS[InferenceKind.EMBEDDING]
        body: dict[str, JsonValue] = {"model": endpoint_id, "input": text}
        call = Call(operation, credentials, "POST", path, body=body)
        limits = limits or InferenceLimits()
        response = await self._open(call, limits)
        try:
            answer = await self._whole(response, limits.total)
        finally:
            await response.aclose()
        if isinstance(answer, NoResponse) or answer.body is None:
            raise failure_of_reading(call, answer, _NO_CHUNKS)
        if parsed(Embeddings, answer.body) is None:
            raise failure_of_reading(call, answer, _NO_CHUNKS)

    async def _open(self, call: Call, limits: InferenceLimits) -> httpx.Response:
        """Send the request; return a successful response, its body still to be read."""
        request = self._client.build_request(
            call.method,
            call.path,
            json=call.body,
            timeout=httpx.Timeout(limits.first_byte, connect=limits.connect, pool=limits.connect),
        )
        failure: NoResponse
        try:
            async with asyncio.timeout(limits.first_byte):
                response = await self._client.send(
                    request, stream=True, auth=CredentialHeaders(call.credentials)
                )
        except NOT_CONNECTED as error:
            failure = NoResponse(type(error).__name__, left=False)
        except TimeoutError:
            failure = NoResponse("Deadline", left=True)
        except (httpx.RequestError, OSError) as error:
            failure = NoResponse(type(error).__name__, left=True)
        else:
            _count(call, status_class(response.status_code))
            if response.is_success:
                return response
            try:
                answer = await self._whole(response, limits.silence)
            finally:
                await response.aclose()
            raise failure_of_reading(call, answer)
        _count(call, "no_response" if failure.left else "not_sent")
        if failure.left:
            raise Unavailable(call.operation, reason=failure.reason)
        raise NotSent(call.operation, reason=failure.reason)

    async def _whole(self, response: httpx.Response, seconds: float) -> Response | NoResponse:
        answer = Response(response.status_code, response.headers)
        try:
            async with asyncio.timeout(seconds), self._bodies.reading() as reader:
                body = await read_body(response, reader)
        except (httpx.RequestError, OSError, TimeoutError):
            return answer
        return Response(response.status_code, response.headers, body)

    async def _chunks(
        self, call: Call, response: httpx.Response, limits: InferenceLimits, deadline: float
    ) -> AsyncGenerator[Chunk]:
        status = response.status_code
        if "json" in response.headers.get("Content-Type", ""):
            # A server that doesn't stream.
            answer = await self._whole(response, limits.total)
            whole = None
            if isinstance(answer, Response) and answer.body is not None:
                whole = parsed(Answer, answer.body)
            if whole is None or whole.error or not whole.choices:
                raise failure_of_reading(call, answer, _NO_CHUNKS)
            yield whole.chunk()
            return
        reader = _Reader(call, status)
        received = 0
        bytes_ = response.aiter_raw()
        failure: FriendliError | None = None
        while failure is None:
            silence = limits.silence if received else limits.first_byte
            part, failure = await _next(
                call, status, bytes_, min(deadline, asyncio.get_running_loop().time() + silence)
            )
            received += len(part or b"")
            if received > MOST_BYTES:
                failure = Unavailable(call.operation, status=status, reason="too many bytes")
            elif failure is None:
                for chunk in reader.end() if part is None else reader.feed(part):
                    yield chunk
                failure = reader.failure
                if failure is None and (part is None or reader.is_done):
                    return
        raise failure


class _Reader:
    """Turns bytes into chunks.

    Attributes:
        failure: Why the answer can't be read, or what the API reported in the stream.
        is_done: The answer is complete.
    """

    def __init__(self, call: Call, status: int) -> None:
        self._call = call
        self._status = status
        self._parser = EventStreamParser()
        self._has_chunk = False
        self._has_finished = False
        self._unreadable = 0
        self.failure: FriendliError | None = None
        self.is_done = False

    def feed(self, part: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        try:
            for event in self._parser.feed(part):
                self._read(event, chunks)
                if self.failure is not None or self.is_done:
                    break
        except EventTooLargeError:
            self._fail("an event is too large")
        return chunks

    def end(self) -> list[Chunk]:
        """The connection closed: a stream without `[DONE]` ends once it said why."""
        chunks: list[Chunk] = []
        for event in self._parser.end():
            self._read(event, chunks)
        if self.failure is None and not self.is_done and not self._has_finished:
            self._fail(_BROKE_OFF if self._has_chunk else _NO_CHUNKS)
        return chunks

    def _read(self, event: bytes, chunks: list[Chunk]) -> None:
        if event.strip() == _DONE:
            self.is_done = True
            if not self._has_chunk:
                self._fail(_NO_CHUNKS)
            return
        answer = parsed(Answer, event)
        if answer is None:
            self._unreadable += 1
            if self._unreadable > _MOST_UNREADABLE:
                self._fail(_NO_CHUNKS)
            return
        if answer.error:
            body = event.decode(errors="replace").encode()
            message = Response(self._status, httpx.Headers(), body).message(
                self._call.credentials.api_key
            )
            self.failure = Unavailable(
                self._call.operation, status=self._status, message=message, reason="error event"
            )
            return
        chunk = answer.chunk()
        self._has_chunk = True
        self._has_finished |= chunk.finish_reason is not None
        chunks.append(chunk)

    def _fail(self, reason: str) -> None:
        self.failure = Unavailable(self._call.operation, status=self._status, reason=reason)


async def _next(
    call: Call, status: int, parts: AsyncIterator[bytes], until: float
) -> tuple[bytes | None, FriendliError | None]:
    """The next bytes, None at the end; or why there are none."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(parts, None), None
    except TimeoutError:
        reason = "Deadline"
    except (httpx.RequestError, httpx.StreamError, OSError):
        reason = _BROKE_OFF
    return None, Unavailable(call.operation, status=status, reason=reason)


def _count(call: Call, word: str) -> None:
    FRIENDLI_REQUESTS.labels(call.operation, word).inc()
