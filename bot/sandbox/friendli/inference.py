"""Inference on loopback: chats, completions and embeddings.

A token is a word with the space before it. Answers depend on the request alone: a greeting, what
was said before, or as many words as were asked for.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from pydantic import JsonValue

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli.credentials import Caller
from bot.sandbox.friendli.endpoint import Endpoint
from bot.sandbox.friendli.endpoint_store import EndpointStore
from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.event_stream import EventStream, Piece
from bot.sandbox.friendli.inference_bodies import (
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    GenerationBody,
)
from bot.sandbox.friendli.inference_models import InferenceKind, InferenceModel, Oddity, answering
from bot.sandbox.friendli.models import NoQuery
from bot.sandbox.friendli.parsing import parse_body, parse_query

CHAT = "/dedicated/v1/chat/completions"
COMPLETIONS = "/dedicated/v1/completions"
EMBEDDINGS = "/dedicated/v1/embeddings"

_Fields = dict[str, JsonValue]

_MOST_TOKENS = 512
_TOKEN = re.compile(r"\s*\S+|\s+$")
_GREETING = re.compile(r"\b(hello|hi|hey)\b", re.IGNORECASE)
_WORDS_ASKED_FOR = re.compile(r"\b(\d{1,5}) words\b")
_FILLER = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_NAMES = {
    InferenceKind.CHAT: "chat completions; its tokenizer has no chat template",
    InferenceKind.COMPLETION: "completions",
    InferenceKind.EMBEDDING: "embeddings",
}


@dataclass(slots=True)
class Pace:
    """How fast tokens come, in real time; an infinite speed and no delay by default.

    Attributes:
        first_token: Seconds until the first token.
    """

    tokens_per_second: float = math.inf
    first_token: float = 0.0

    @property
    def between(self) -> float:
        return 1 / self.tokens_per_second


@dataclass(frozen=True, slots=True)
class _Generation:
    """The tokens of an answer."""

    reasoning: Sequence[str]
    content: Sequence[str]
    prompt_tokens: int
    finish_reason: str

    @property
    def usage(self) -> _Fields:
        completion = len(self.reasoning) + len(self.content)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        }


class Inference:
    """The inference operations, each a handler that raises `ApiError` to refuse.

    Args:
        find: The caller and the endpoint with an id, as the caller sees it.
    """

    def __init__(
        self,
        clock: SandboxClock,
        store: EndpointStore,
        pace: Pace,
        authenticate: Callable[[web.Request], Caller],
        find: Callable[[Caller, str], Endpoint],
    ) -> None:
        self._clock = clock
        self._store = store
        self._pace = pace
        self._authenticate = authenticate
        self._find = find
        # Requests that met an endpoint which is up, by endpoint and start.
        self._met: dict[tuple[str, datetime], int] = {}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("POST", CHAT, self._chat, name="chat_completions")
        router.add_route("POST", COMPLETIONS, self._complete, name="completions")
        router.add_route("POST", EMBEDDINGS, self._embed, name="embeddings")

    async def _chat(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        body = parse_body(request, await request.read(), ChatBody)
        endpoint, model = self._ready(caller, body.model, InferenceKind.CHAT)
        *earlier, last = body.messages
        said = [message.text for message in earlier if message.role == "user"]
        reply = _reply(endpoint.version.model, last.text, said)
        prompt = " ".join(message.text for message in body.messages)
        return self._answer(InferenceKind.CHAT, endpoint, model, body, prompt, reply)

    async def _complete(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        body = parse_body(request, await request.read(), CompletionBody)
        endpoint, model = self._ready(caller, body.model, InferenceKind.COMPLETION)
        reply = " " + _reply(endpoint.version.model, body.prompt, ())
        return self._answer(InferenceKind.COMPLETION, endpoint, model, body, body.prompt, reply)

    async def _embed(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        body = parse_body(request, await request.read(), EmbeddingBody)
        if (body.input is None) == (body.tokens is None):
            raise ApiError(422, "Give input or tokens, not both.")
        endpoint, _ = self._ready(caller, body.model, InferenceKind.EMBEDDING)
        inputs = [body.input or ""] if not isinstance(body.input, list) else body.input
        tokens = len(body.tokens or ()) or sum(len(_tokens(one)) for one in inputs)
        answer: _Fields = {
            "id": f"embd-{endpoint.id}",
            "object": "list",
            "created": self._created(),
            "model": endpoint.id,
            "data": [
                {"index": index, "object": "embedding", "embedding": [0.25, -0.5, 0.125, 0.0]}
                for index, _ in enumerate(inputs)
            ],
            "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
        }
        return web.json_response(answer)

    def _caller(self, request: web.Request) -> Caller:
        caller = self._authenticate(request)
        parse_query(request, NoQuery)
        return caller

    def _ready(
        self, caller: Caller, endpoint_id: str, kind: InferenceKind
    ) -> tuple[Endpoint, InferenceModel]:
        """Refuse what the endpoint or its model doesn't answer; wake it if it sleeps."""
        endpoint = self._find(caller, endpoint_id)
        self._store.infer(endpoint)
        model = answering(endpoint.version.model)
        if model.limited:
            raise ApiError(429, "Too many requests for this endpoint.")
        since = endpoint.timeline.at(self._clock.now()).at
        met = self._met[endpoint.id, since] = self._met.get((endpoint.id, since), 0) + 1
        if met <= model.unavailable:
            raise ApiError(503, "Endpoint is unavailable")
        if kind not in model.kinds:
            raise ApiError(400, f"This model does not support {_NAMES[kind]}.")
        return endpoint, model

    def _answer(
        self,
        kind: InferenceKind,
        endpoint: Endpoint,
        model: InferenceModel,
        body: GenerationBody,
        prompt: str,
        reply: str,
    ) -> web.Response:
        made = _generate(model, prompt, reply if model.reply is None else model.reply, body)
        if body.stream and model.oddity is not Oddity.NOT_STREAMED:
            usage = bool(body.stream_options and body.stream_options.include_usage)
            writer = _EventWriter(kind, endpoint.id, self._created(), model)
            return writer.stream(made, self._pace, with_usage=usage)
        return web.json_response(self._whole(kind, endpoint, model, made))

    def _whole(
        self, kind: InferenceKind, endpoint: Endpoint, model: InferenceModel, made: _Generation
    ) -> _Fields:
        text = "".join(made.content)
        choice: _Fields = {"index": 0, "finish_reason": made.finish_reason}
        if kind is InferenceKind.CHAT:
            message: _Fields = {"role": "assistant", "content": text}
            if made.reasoning:
                message[model.reasoning_field] = "".join(made.reasoning)
            choice["message"] = message
        else:
            choice["text"] = text
        return {
            "id": f"{_ID_PREFIX[kind]}-{endpoint.id}",
            "object": str(kind),
            "created": self._created(),
            "model": endpoint.id,
            "choices": [choice],
            "usage": made.usage,
        }

    def _created(self) -> int:
        return int(self._clock.now().timestamp())


_ID_PREFIX = {InferenceKind.CHAT: "chatcmpl", InferenceKind.COMPLETION: "cmpl"}
_FEW = 3


class _EventWriter:
    """Writes the events of one stream."""

    def __init__(
        self, kind: InferenceKind, endpoint_id: str, created: int, model: InferenceModel
    ) -> None:
        self._kind = kind
        self._model = model
        self._end = "\r\n" if model.oddity is Oddity.LOOSE_EVENTS else "\n"
        self._head: _Fields = {
            "id": f"{_ID_PREFIX[kind]}-{endpoint_id}",
            "object": "chat.completion.chunk" if kind is InferenceKind.CHAT else str(kind),
            "created": created,
            "model": endpoint_id,
        }

    def stream(self, made: _Generation, pace: Pace, *, with_usage: bool) -> EventStream:
        oddity = self._model.oddity
        tokens = list(self._tokens(made))
        first = pace.first_token if self._model.first_token is None else self._model.first_token
        pieces = [
            Piece(pace.between if index else first, event) for index, event in enumerate(tokens)
        ] or [Piece(first, b"")]
        match oddity:
            case Oddity.CUT:
                return EventStream(pieces[:_FEW], is_cut=True)
            case Oddity.ERROR_EVENT:
                error = self._event({"error": {"message": "The engine ran out of memory."}})
                return EventStream([*pieces[:_FEW], Piece(0, error)])
            case Oddity.GARBAGE:
                garbage = b"data: <html>\xff\xfe upstream says {\n\n"
                return EventStream([Piece(piece.after, garbage) for piece in pieces])
            case Oddity.HUGE:
                return EventStream(pieces, endless=Piece(pace.between, tokens[-1]))
            case Oddity.LONG_LINE:
                text = "x" * 8_000_000
                return EventStream([Piece(first, self._chunk(self._delta("content", text)))])
            case Oddity.WRONG_ENCODING:
                pieces = [Piece(one.after, one.data.decode().encode("latin-1")) for one in pieces]
            case _:
                pass
        last = [self._finish(made.finish_reason)]
        if with_usage and oddity is not Oddity.NO_USAGE:
            last.append(self._event({**self._head, "choices": [], "usage": made.usage}))
        if oddity is not Oddity.LOOSE_EVENTS:
            last.append(f"data: [DONE]{self._end * 2}".encode())
        return EventStream([*pieces, *(Piece(0, event) for event in last)])

    def _tokens(self, made: _Generation) -> Iterator[bytes]:
        if self._model.oddity is Oddity.LOOSE_EVENTS:
            yield f": keep-alive{self._end * 2}".encode()
            yield self._chunk({"delta": {"role": "assistant"}})
        for token in made.reasoning:
            yield self._chunk(self._delta(self._model.reasoning_field, token))
        for token in made.content:
            yield self._chunk(self._delta("content", token))

    def _delta(self, name: str, text: str) -> _Fields:
        if self._kind is InferenceKind.COMPLETION:
            return {"text": text}
        return {"delta": {"role": "assistant", name: text}}

    def _finish(self, reason: str) -> bytes:
        empty = self._delta("content", "")
        if self._kind is InferenceKind.CHAT:
            empty = {"delta": {}}
        return self._chunk({**empty, "finish_reason": reason})

    def _chunk(self, choice: _Fields) -> bytes:
        whole: _Fields = {"index": 0, "finish_reason": None, "logprobs": None, **choice}
        return self._event({**self._head, "choices": [whole], "usage": None})

    def _event(self, fields: _Fields) -> bytes:
        return f"data: {json.dumps(fields, ensure_ascii=False)}{self._end * 2}".encode()


def _generate(model: InferenceModel, prompt: str, reply: str, body: GenerationBody) -> _Generation:
    left = _MOST_TOKENS if body.max_tokens is None else body.max_tokens
    thought, said = _tokens(model.reasoning), _tokens(reply)
    reasoning = thought[:left]
    content = said[: left - len(reasoning)]
    is_whole = len(reasoning) + len(content) == len(thought) + len(said)
    return _Generation(reasoning, content, len(_tokens(prompt)), "stop" if is_whole else "length")


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _reply(model: str, prompt: str, earlier: Sequence[str]) -> str:
    """What an ordinary model says to a prompt."""
    if (asked := _WORDS_ASKED_FOR.search(prompt)) is not None:
        return " ".join(_FILLER[index % len(_FILLER)] for index in range(int(asked[1])))
    if earlier:
        return f"You said “{prompt}”, and before that “{earlier[-1]}” ({len(earlier)} in all)."
    if _GREETING.search(prompt):
        return "Hello! How can I help you today?"
    return f"You said “{prompt}”. I am {model} in the sandbox."
