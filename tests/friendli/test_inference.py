import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from traceback import TracebackException

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.domain.friendli_errors import (
    FriendliError,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from bot.domain.inference import (
    ChatMessage,
    Chunk,
    InferenceKind,
    Prompt,
    Role,
    Stopwatch,
    Usage,
)
from bot.friendli.chunks import Answer, parsed
from bot.friendli.credentials import Credentials
from bot.friendli.event_stream import EventStreamParser
from bot.friendli.inference import InferenceClient, InferenceLimits
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import DropRequest, Effect, GarbageBody, Hang, Respond, TruncateBody
from bot.sandbox.friendli import FriendliSandbox
from tests.friendli.loopback import KEY, WireServer, refused_url

ACCESS = Credentials(SecretStr(KEY))
HELLO = Prompt([ChatMessage(Role.USER, "Hello")], max_tokens=32)
QUICK = InferenceLimits(connect=0.5, first_byte=0.3, silence=0.3, total=2)


@pytest.fixture
async def sandbox() -> AsyncIterator[FriendliSandbox]:
    """A sandbox with a project and a key."""
    async with FriendliSandbox(clock=SandboxClock(speed=0)) as sandbox:
        sandbox.add_project("project-1", "team-1")
        sandbox.add_key(KEY, team_id="team-1")
        yield sandbox


@pytest.fixture
async def client(sandbox: FriendliSandbox) -> AsyncIterator[InferenceClient]:
    """A client of the sandbox."""
    async with InferenceClient(f"{sandbox.url}/dedicated/v1") as client:
        yield client


def endpoint(sandbox: FriendliSandbox, model: str = "org/model") -> str:
    """An endpoint that is up."""
    id_ = sandbox.create(project_id="project-1", name="it", model=model)
    sandbox.set_status(id_, "RUNNING")
    return id_


async def chunks(
    client: InferenceClient,
    endpoint_id: str,
    kind: InferenceKind = InferenceKind.CHAT,
    prompt: Prompt = HELLO,
    limits: InferenceLimits = QUICK,
) -> list[Chunk]:
    """The whole answer to a prompt."""
    async with client.stream(ACCESS, endpoint_id, kind, prompt, limits) as answer:
        return [chunk async for chunk in answer]


async def broken_off(client: InferenceClient, endpoint_id: str) -> tuple[str, FriendliError | None]:
    """What was said before the answer failed, and why it did."""
    said = ""
    try:
        async with client.stream(ACCESS, endpoint_id, InferenceKind.CHAT, HELLO, QUICK) as answer:
            async for chunk in answer:
                said += chunk.text
    except FriendliError as error:
        return said, error
    return said, None


def text(answer: Iterable[Chunk]) -> str:
    return "".join(chunk.text for chunk in answer)


def usage(answer: Iterable[Chunk]) -> Usage | None:
    return next((chunk.usage for chunk in answer if chunk.usage), None)


@pytest.mark.parametrize(
    ("model", "kind", "said", "tokens"),
    [
        ("org/model", InferenceKind.CHAT, "Hello! How can I help you today?", 7),
        ("org/model", InferenceKind.COMPLETION, " Hello! How can I help you today?", 7),
        ("sandbox/base", InferenceKind.COMPLETION, " Hello! How can I help you today?", 7),
        ("sandbox/reasoning", InferenceKind.CHAT, "Hello! How can I help you today?", 17),
        ("sandbox/reasoning-field", InferenceKind.CHAT, "Hello! How can I help you today?", 17),
        ("sandbox/only-reasoning", InferenceKind.CHAT, "", 32),
        ("sandbox/no-usage", InferenceKind.CHAT, "Hello! How can I help you today?", None),
        ("sandbox/loose-stream", InferenceKind.CHAT, "Hello! How can I help you today?", 7),
        ("sandbox/not-streamed", InferenceKind.CHAT, "Hello! How can I help you today?", 7),
        (
            "sandbox/wrong-encoding",
            InferenceKind.CHAT,
            "Gr\ufffd\ufffd Gott! Sch\ufffdn, dass Sie da sind.",
            7,
        ),
    ],
)
async def test_answers_are_streamed(
    sandbox: FriendliSandbox,
    client: InferenceClient,
    model: str,
    kind: InferenceKind,
    said: str,
    tokens: int | None,
) -> None:
    """In each wording that servers have; tokens of reasoning count."""
    answer = await chunks(client, endpoint(sandbox, model), kind)
    assert text(answer) == said
    counted = usage(answer)
    assert (None if counted is None else counted.completion) == tokens
    finished = [chunk.finish_reason for chunk in answer if chunk.finish_reason]
    assert finished == ["length" if model == "sandbox/only-reasoning" else "stop"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("sandbox/cut-stream", "the stream broke off"),
        ("sandbox/garbage-stream", "unreadable answer"),
        ("sandbox/long-line", "an event is too large"),
        ("sandbox/endless", "too many bytes"),
        ("sandbox/slow-first-token", "Deadline"),
        ("sandbox/error-in-stream", "The engine ran out of memory."),
        ("sandbox/never-available", "Endpoint is unavailable"),
    ],
)
async def test_what_breaks_is_told_apart(
    sandbox: FriendliSandbox, client: InferenceClient, model: str, said: str
) -> None:
    """However the answer fails, it ends, and says why."""
    # A deadline is met where it is asked for; elsewhere another end comes first, on any machine.
    is_slow = model == "sandbox/slow-first-token"
    limits = InferenceLimits(first_byte=0.3) if is_slow else InferenceLimits()
    with pytest.raises(Unavailable, match=said):
        await chunks(client, endpoint(sandbox, model), limits=limits)


@pytest.mark.parametrize(
    ("model", "kind", "error"),
    [
        ("sandbox/base", InferenceKind.CHAT, Refused),
        ("sandbox/embedding", InferenceKind.CHAT, Refused),
        ("sandbox/rate-limited", InferenceKind.CHAT, RateLimited),
    ],
)
async def test_refusals_have_the_api_s_words(
    sandbox: FriendliSandbox,
    client: InferenceClient,
    model: str,
    kind: InferenceKind,
    error: type[Refused],
) -> None:
    """And their status, as of any other request."""
    with pytest.raises(error) as caught:
        await chunks(client, endpoint(sandbox, model), kind)
    assert caught.value.message


async def test_an_embedding_is_asked_for(sandbox: FriendliSandbox, client: InferenceClient) -> None:
    """It returns if there was one; a chat model refuses."""
    await client.embed(ACCESS, endpoint(sandbox, "sandbox/embedding"), "Hello", QUICK)
    with pytest.raises(Refused):
        await client.embed(ACCESS, endpoint(sandbox), "Hello", QUICK)
    sandbox.faults.add(GarbageBody(), operation="embeddings")
    with pytest.raises(Unavailable):
        await client.embed(ACCESS, endpoint(sandbox, "sandbox/embedding"), "Hello", QUICK)


async def test_each_request_is_sent_once(sandbox: FriendliSandbox, client: InferenceClient) -> None:
    """Whatever becomes of it."""
    id_ = endpoint(sandbox)
    sandbox.faults.add(DropRequest(), operation="chat_completions")
    with pytest.raises(Unavailable):
        await chunks(client, id_)
    assert [one.operation for one in sandbox.requests] == ["chat_completions"]


@pytest.mark.parametrize(
    ("status", "error"), [(401, Unauthorized), (403, Unauthorized), (404, NotFound), (422, Refused)]
)
async def test_statuses_become_errors(
    sandbox: FriendliSandbox, client: InferenceClient, status: int, error: type[FriendliError]
) -> None:
    """The API did nothing."""
    sandbox.faults.add(Respond(status, {"detail": "No."}), operation="chat_completions")
    with pytest.raises(error, match="No"):
        await chunks(client, endpoint(sandbox))


async def test_an_endpoint_that_wakes_is_unavailable(
    sandbox: FriendliSandbox, client: InferenceClient
) -> None:
    """The request woke it."""
    id_ = endpoint(sandbox)
    sandbox.sleep(id_)
    with pytest.raises(Unavailable, match="Endpoint is unavailable"):
        await chunks(client, id_)
    assert sandbox.endpoints[id_].status == "AWAKING"


async def test_leaving_ends_the_generation(
    sandbox: FriendliSandbox, client: InferenceClient
) -> None:
    """The connection closes, although the answer has no end."""
    sandbox.pace.tokens_per_second = 500
    async with client.stream(
        ACCESS, endpoint(sandbox, "sandbox/endless"), InferenceKind.CHAT, HELLO, QUICK
    ) as answer:
        assert (await anext(answer)).has_token
    async with asyncio.timeout(5):
        while not sandbox.requests[-1].done:
            await sandbox.changed()


@pytest.mark.parametrize("keep", range(0, 900, 97))
async def test_a_stream_cut_anywhere_fails_or_is_whole(
    sandbox: FriendliSandbox, client: InferenceClient, keep: int
) -> None:
    """Never a text that the model didn't say."""
    sandbox.faults.add(TruncateBody(keep), operation="chat_completions")
    said, failure = await broken_off(client, endpoint(sandbox))
    assert isinstance(failure, Unavailable)
    assert "Hello! How can I help you today?".startswith(said)


@given(st.binary(max_size=400))
def test_any_bytes_can_be_a_chunk(data: bytes) -> None:
    """They are a chunk or nothing, and never text that can't be stored."""
    answer = parsed(Answer, data)
    if answer is not None:
        answer.chunk().text.encode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "message", "content", "usage", "text", "error"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_can_be_a_chunk(value: object) -> None:
    """Whatever the fields hold."""
    answer = parsed(Answer, json.dumps(value).encode())
    if answer is not None:
        answer.chunk().text.encode()


def test_half_an_emoji_is_readable() -> None:
    """Servers cut tokens in the middle of characters."""
    answer = parsed(Answer, rb'{"choices": [{"delta": {"content": "a\ud83d"}}]}')
    assert answer is not None
    assert answer.chunk().text == "a?"


def test_speed_counts_from_the_first_token() -> None:
    """A role alone is no token; usage counts better than pieces."""
    watch = Stopwatch(10.0)
    watch.add(Chunk(), 10.1)
    before = watch.speed
    for at in (10.5, 11.0, 11.5):
        watch.add(Chunk(text="a"), at)
    pieces = watch.speed
    assert before is None
    assert pieces is not None
    assert (pieces.first_token, pieces.tokens, pieces.tokens_per_second) == (0.5, None, 2.0)
    watch.add(Chunk(usage=Usage(3, 11)), 11.6)
    counted = watch.speed
    assert counted is not None
    assert (counted.tokens, counted.tokens_per_second) == (11, 10.0)


async def test_a_long_stream_takes_linear_time() -> None:
    """Twice the bytes, cut into single ones, don't take four times as long."""

    async def seconds(tokens: int) -> float:
        event = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'
        parser = EventStreamParser()
        started = time.process_time()
        for byte in event * tokens:
            list(parser.feed(bytes([byte])))
        return time.process_time() - started

    assert await seconds(4_000) < 8 * await seconds(1_000) + 0.2


FAILING: dict[str, Effect] = {
    "quoted": Respond(401, {"detail": f"Authorization: Bearer {KEY} is not allowed"}),
    "cut": TruncateBody(5),
    "hangs": Hang(),
}


@pytest.mark.parametrize("failing", ["refused", *FAILING])
async def test_no_failure_shows_the_key(sandbox: FriendliSandbox, failing: str) -> None:
    """Neither an error's text, nor its traceback with all variables."""
    id_ = endpoint(sandbox)
    url = refused_url() if failing == "refused" else f"{sandbox.url}/dedicated/v1"
    if failing in FAILING:
        sandbox.faults.add(FAILING[failing], operation="chat_completions")
    async with InferenceClient(url) as client:
        with pytest.raises(FriendliError) as caught:
            await chunks(client, id_)
    error = caught.value
    if failing == "refused":
        assert isinstance(error, NotSent)
    traceback = "".join(TracebackException.from_exception(error, capture_locals=True).format())
    assert KEY not in f"{error} {error!r} {vars(error)} {traceback}"
    assert error.__cause__ is None
    assert error.__context__ is None


async def test_silence_ends_it() -> None:
    """A server that stops in the middle doesn't hold anybody."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        writer.write(head + b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n')
        await reader.read()

    async with WireServer.serve(silent) as server, InferenceClient(server.url) as client:
        said, failure = await broken_off(client, "dep1")
    assert said == "Hel"
    assert failure is not None
    assert failure.reason == "Deadline"
