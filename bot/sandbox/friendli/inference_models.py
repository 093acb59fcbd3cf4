"""How an endpoint answers inference requests, by the name of its model.

`INFERENCE_MODELS` is the whole table; any other name answers a chat and a completion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class InferenceKind(StrEnum):
    """The operations, by the API's names for what they answer."""

    CHAT = "chat.completion"
    COMPLETION = "text_completion"
    EMBEDDING = "embedding"


class Oddity(StrEnum):
    """What a stream does that clients may not expect."""

    NO_USAGE = "no usage"
    """As a server that doesn't know `stream_options`."""
    LOOSE_EVENTS = "loose events"
    """Comments, CRLF, chunks with only a role, and no `[DONE]`."""
    CUT = "cut"
    """The connection closes after a few tokens."""
    GARBAGE = "garbage"
    """The events aren't JSON."""
    WRONG_ENCODING = "wrong encoding"
    """The text is Latin-1."""
    HUGE = "huge"
    """It never ends, until the client closes it."""
    LONG_LINE = "long line"
    """One event of many megabytes."""
    NOT_STREAMED = "not streamed"
    """A whole JSON answer, as from a server that ignores `stream`."""
    ERROR_EVENT = "error event"
    """An error as an event, after a few tokens."""


@dataclass(frozen=True, slots=True)
class InferenceModel:
    """How a model answers.

    Attributes:
        kinds: What it answers; anything else is refused with 400.
        reply: Instead of an answer to the prompt.
        reasoning: What it thinks first.
        reasoning_field: The delta's field for that.
        oddity: What its streams do.
        first_token: Seconds until the first token, instead of the sandbox's.
        unavailable: How many requests after each start get 503.
        limited: Whether every request gets 429.
    """

    description: str
    kinds: frozenset[InferenceKind] = frozenset({InferenceKind.CHAT, InferenceKind.COMPLETION})
    reply: str | None = None
    reasoning: str = ""
    reasoning_field: str = "reasoning_content"
    oddity: Oddity | None = None
    first_token: float | None = None
    unavailable: int = 0
    limited: bool = False


ORDINARY = InferenceModel("Answers a chat and a completion.")
_THOUGHTS = "The user greets me. A short greeting back is best."

INFERENCE_MODELS: Mapping[str, InferenceModel] = {
    "sandbox/reasoning": InferenceModel(
        "Thinks before it answers, in `reasoning_content`.", reasoning=_THOUGHTS
    ),
    "sandbox/reasoning-field": InferenceModel(
        "Thinks before it answers, in `reasoning`.",
        reasoning=_THOUGHTS,
        reasoning_field="reasoning",
    ),
    "sandbox/only-reasoning": InferenceModel(
        "Thinks for as long as it may, so that no token is left for an answer.",
        reasoning=" ".join([_THOUGHTS] * 2_000),
    ),
    "sandbox/base": InferenceModel(
        "Has no chat template: chats are refused, completions answered.",
        kinds=frozenset({InferenceKind.COMPLETION}),
    ),
    "sandbox/embedding": InferenceModel(
        "Answers nothing but embeddings.", kinds=frozenset({InferenceKind.EMBEDDING})
    ),
    "sandbox/no-usage": InferenceModel("Never reports its tokens.", oddity=Oddity.NO_USAGE),
    "sandbox/loose-stream": InferenceModel(
        "Streams with comments, CRLF, chunks with only a role, and no [DONE].",
        oddity=Oddity.LOOSE_EVENTS,
    ),
    "sandbox/not-streamed": InferenceModel(
        "Ignores `stream` and answers as a whole.", oddity=Oddity.NOT_STREAMED
    ),
    "sandbox/slow-first-token": InferenceModel(
        "Takes five seconds to the first token.", first_token=5
    ),
    "sandbox/cut-stream": InferenceModel(
        "Closes the connection after a few tokens.", oddity=Oddity.CUT
    ),
    "sandbox/error-in-stream": InferenceModel(
        "Reports an error after a few tokens.", oddity=Oddity.ERROR_EVENT
    ),
    "sandbox/garbage-stream": InferenceModel("Streams no JSON.", oddity=Oddity.GARBAGE),
    "sandbox/wrong-encoding": InferenceModel(
        "Streams Latin-1.",
        reply="Grüß Gott! Schön, dass Sie da sind.",
        oddity=Oddity.WRONG_ENCODING,
    ),
    "sandbox/endless": InferenceModel("Never stops answering.", oddity=Oddity.HUGE),
    "sandbox/long-line": InferenceModel(
        "Answers in one event of many megabytes.", oddity=Oddity.LONG_LINE
    ),
    "sandbox/shouts": InferenceModel(
        "Answers with what would mention people in Slack.",
        reply="<!channel> *hello* <@U000> & <https://evil.test|bank>",
    ),
    "sandbox/unavailable": InferenceModel(
        "Is unavailable for the first three requests after each start.", unavailable=3
    ),
    "sandbox/never-available": InferenceModel(
        "Runs, but every request gets 503.", unavailable=1_000_000
    ),
    "sandbox/rate-limited": InferenceModel("Runs, but every request gets 429.", limited=True),
}


def answering(model: str) -> InferenceModel:
    return INFERENCE_MODELS.get(model, ORDINARY)
