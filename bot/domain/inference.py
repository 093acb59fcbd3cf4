"""Inference requests and their streamed answers: what is asked, what comes, how fast it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class InferenceKind(StrEnum):
    """What a model answers."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"


class Role(StrEnum):
    """Who wrote a message of a chat."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation with a model."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent to a model; a completion gets the contents alone.

    Attributes:
        messages: At least one.
        temperature: None for the model's own.
    """

    messages: Sequence[ChatMessage]
    max_tokens: int
    temperature: float | None = None

    @property
    def text(self) -> str:
        return "\n\n".join(message.content for message in self.messages)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, as the API reports them; `completion` includes reasoning."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer: outside text, escape it.

    Attributes:
        reasoning: What the model thinks before it answers.
        finish_reason: Why the answer ends, as it came; None before its end.
        usage: Where the API reports it, at the end.
    """

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None

    @property
    def has_token(self) -> bool:
        return bool(self.text or self.reasoning)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast an answer came.

    Attributes:
        first_token: Seconds from the request to the first token.
        tokens: How many tokens came, reasoning included; None if nobody counted them.
        tokens_per_second: After the first token; None for fewer than two tokens, or none counted.
    """

    first_token: float
    tokens: int | None
    tokens_per_second: float | None


class Stopwatch:
    """Measures a streamed answer, by a monotonic clock in seconds."""

    def __init__(self, sent: float) -> None:
        self._sent = sent
        self._first: float | None = None
        self._last = sent
        self._usage: Usage | None = None
        self._pieces = 0

    def add(self, chunk: Chunk, at: float) -> None:
        if chunk.has_token:
            self._pieces += 1
            self._last = at
            if self._first is None:
                self._first = at
        if chunk.usage is not None:
            self._usage = chunk.usage

    @property
    def speed(self) -> Speed | None:
        """None before the first token."""
        if self._first is None:
            return None
        # Servers send a chunk for each token, or for several.
        tokens = self._usage.completion if self._usage is not None else None
        counted = self._pieces if tokens is None else tokens
        took = self._last - self._first
        rate = (counted - 1) / took if counted > 1 and took > 0 else None
        return Speed(self._first - self._sent, tokens, rate)
