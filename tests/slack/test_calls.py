"""Outcomes of a Web API call."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.slack.calls import STOPPED_ERRORS, ErrorKind, Failure, attempt
from bot.slack.clients import SlackClients

JSON, TEXT, HTML = "application/json", "text/plain", "text/html"
GARBAGE = b"<html>\xff\xfe {"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def slack_that(answer: Answer, *, timeout: float = 5) -> AsyncIterator[SlackClients]:  # noqa: ASYNC109 - of the client under test
    """A client of a Slack with one response."""
    app = web.Application()
    app.router.add_route("*", "/{method}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    clients = SlackClients(SecretStr("sandbox"), f"http://127.0.0.1:{port}/", timeout=timeout)
    try:
        yield clients
    finally:
        await clients.close()
        await runner.cleanup()


async def post(answer: Answer, *, limit: float = 5) -> object:
    async with slack_that(answer, timeout=limit) as clients:
        return await attempt(clients.posting.chat_postMessage(channel="C1", text="x"))


def answering(
    status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None
) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(
            status=status, body=body, headers={"Content-Type": content_type, **(headers or {})}
        )

    return answer


def refusing(error: object, **more: object) -> bytes:
    return json.dumps({"ok": False, "error": error, **more}).encode()


ODD_BODIES = {
    "empty": b"",
    "html": b"<html><body>Bad Gateway</body></html>",
    "words": b"upstream connect error",
    "not UTF-8": GARBAGE,
    "cut JSON": b'{"ok": true, "ts": "17',
    "an abyss": b"[" * 100_000,
    "a list": b"[]",
    "a full list": b'[{"ok": true}]',
    "a string": b'"ok"',
    "a number": b"1",
    "true": b"true",
    "null": b"null",
    "an empty object": b"{}",
    "no error name": b'{"ok": false}',
    "an empty error name": b'{"ok": false, "error": ""}',
}


@pytest.mark.parametrize("status", [200, 201, 302, 400, 403, 404, 500, 502, 503, 504])
@pytest.mark.parametrize("content_type", [JSON, TEXT, HTML, "application/gzip", "", "nonsense"])
async def test_an_answer_that_is_not_slacks_leaves_the_outcome_unknown(
    status: int, content_type: str
) -> None:
    """The outcome is unknown, whatever a proxy responds."""
    bodies = iter(ODD_BODIES.values())

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(
            status=status, body=next(bodies), headers={"Content-Type": content_type}
        )

    kinds = {}
    async with slack_that(answer) as clients:
        for name in ODD_BODIES:
            came = await attempt(clients.posting.chat_postMessage(channel="C1", text="x"))
            kinds[name] = came.kind if isinstance(came, Failure) else came
    assert kinds == dict.fromkeys(ODD_BODIES, ErrorKind.OUTCOME_UNKNOWN)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [b'{"ok": true, "ts": "1.0"}', refusing("is_archived")])
async def test_a_server_error_leaves_the_outcome_unknown(status: int, body: bytes) -> None:
    """A 5xx isn't the method's own answer."""
    came = await post(answering(status, JSON, body))
    assert isinstance(came, Failure)
    assert came.kind is ErrorKind.OUTCOME_UNKNOWN


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((error, ErrorKind.STOPPED) for error in sorted(STOPPED_ERRORS)),
        ("message_not_found", ErrorKind.GONE),
        ("cant_update_message", ErrorKind.GONE),
        ("edit_window_closed", ErrorKind.GONE),
        ("thread_not_found", ErrorKind.GONE),
        ("cannot_reply_to_message", ErrorKind.GONE),
        ("restricted_action_thread_locked", ErrorKind.GONE),
        ("internal_error", ErrorKind.OUTCOME_UNKNOWN),
        ("fatal_error", ErrorKind.OUTCOME_UNKNOWN),
        ("service_unavailable", ErrorKind.OUTCOME_UNKNOWN),
        ("request_timeout", ErrorKind.OUTCOME_UNKNOWN),
        ("ratelimited", ErrorKind.RETRY_LATER),
        ("rate_limited", ErrorKind.RETRY_LATER),
        ("message_limit_exceeded", ErrorKind.RETRY_LATER),
        ("invalid_blocks", ErrorKind.REFUSED),
        ("msg_too_long", ErrorKind.REFUSED),
        ("no_text", ErrorKind.REFUSED),
        ("an_error_that_is_new", ErrorKind.REFUSED),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403])
async def test_each_error_of_slacks_has_a_kind(status: int, error: str, kind: ErrorKind) -> None:
    """The error name decides, not the status."""
    came = await post(answering(status, JSON, refusing(error)))
    assert isinstance(came, Failure)
    assert (came.error, came.kind) == (error, kind)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1.0),
        ({"Retry-After": "nan"}, 1.0),
        ({"Retry-After": "inf"}, 1.0),
        ({"Retry-After": "99999999"}, 3600.0),
        ({}, 1.0),
    ],
)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [(JSON, refusing("ratelimited")), (TEXT, b"slow down"), (HTML, b""), (JSON, b"[]")],
)
async def test_a_429_says_how_long_to_wait(
    headers: dict[str, str], seconds: float, content_type: str, body: bytes
) -> None:
    """The wait is within limits, whatever the header says."""
    came = await post(answering(429, content_type, body, headers))
    assert isinstance(came, Failure)
    assert (came.kind, came.retry_after) == (ErrorKind.RETRY_LATER, seconds)


async def test_details_about_blocks_are_kept() -> None:
    """The details name the refused block."""
    details = ["[ERROR] unsupported type: plan [json-pointer:/blocks/1/type]"]
    body = refusing("invalid_blocks", response_metadata={"messages": details})
    came = await post(answering(200, JSON, body))
    assert came == Failure(ErrorKind.REFUSED, "invalid_blocks", details=tuple(details))


@pytest.mark.parametrize("metadata", [None, [], "x", {"messages": None}, {"messages": {"a": 1}}])
async def test_malformed_details_are_ignored(metadata: object) -> None:
    """Only a list of messages is read."""
    body = refusing("invalid_blocks", response_metadata=metadata)
    assert await post(answering(200, JSON, body)) == Failure(ErrorKind.REFUSED, "invalid_blocks")


@pytest.mark.parametrize("error", [1, True, ["is_archived"], {"a": 1}])
async def test_an_error_name_of_another_shape_is_refused(error: object) -> None:
    """Unknown errors are refusals."""
    came = await post(answering(200, JSON, refusing(error)))
    assert isinstance(came, Failure)
    assert came.kind is ErrorKind.REFUSED


async def test_a_body_too_large_for_a_proxy_is_refused() -> None:
    """A repeat would be as large."""
    came = await post(answering(413, HTML, b"<html></html>"))
    assert came == Failure(ErrorKind.REFUSED, "http_413")


async def test_an_answer_is_returned() -> None:
    """A success is Slack's JSON object."""
    assert await post(answering(200, JSON, b'{"ok": true, "ts": "1.0"}')) == {
        "ok": True,
        "ts": "1.0",
    }


async def test_without_a_connection_nothing_is_sent() -> None:
    """Without a connection, nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        clients = SlackClients(SecretStr("sandbox"), nowhere, timeout=5)
        came = await attempt(clients.posting.chat_postMessage(channel="C1", text="x"))
        await clients.close()
    assert came == Failure(ErrorKind.NOT_SENT, "ClientConnectorError")


async def cut_before(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_within(request: web.Request) -> web.StreamResponse:
    part = web.StreamResponse(headers={"Content-Type": JSON})
    part.content_length = 100
    await part.prepare(request)
    await part.write(b'{"ok": true')
    assert request.transport is not None
    request.transport.close()
    return part


async def never(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


@pytest.mark.parametrize("answer", [cut_before, cut_within, never])
async def test_a_lost_answer_leaves_the_outcome_unknown(answer: Answer) -> None:
    """The outcome is unknown once the request has left."""
    came = await post(answer, limit=0.2)
    assert isinstance(came, Failure)
    assert came.kind is ErrorKind.OUTCOME_UNKNOWN


async def test_a_wrong_encoding_leaves_the_outcome_unknown() -> None:
    """A body that can't be decoded is no answer."""
    answer = answering(200, JSON, b'{"ok": true}', {"Content-Encoding": "gzip"})
    came = await post(answer)
    assert isinstance(came, Failure)
    assert came.kind is ErrorKind.OUTCOME_UNKNOWN


async def test_a_post_is_sent_once_whatever_happens() -> None:
    """The client retries neither lost nor rate-limited posts."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        match len(asked):
            case 1:
                return await cut_before(request)
            case 2:
                return web.Response(status=429, headers={"Retry-After": "1"})
            case _:
                return web.Response(status=500)

    async with slack_that(answer) as clients:
        for count in (1, 2, 3):
            await attempt(clients.posting.chat_postMessage(channel="C1", text="x"))
            assert len(asked) == count
