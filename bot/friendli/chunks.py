"""The chunks of a streamed answer, and whole answers, in the shapes that servers send.

Every field is optional, and what can't be read is dropped: a delta may have only a role, the usage
may be missing or come with the last chunk, and reasoning is in `reasoning_content` or `reasoning`.
"""

import json
from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.domain.inference import Chunk, Usage

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_TOKENS = 10_000_000


def _text(value: object) -> object:
    return value if isinstance(value, str) else ""


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


def _objects(value: object) -> object:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _count(value: object) -> object:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value <= _MOST_TOKENS else None  # type: ignore[operator]


_Text = Annotated[str, BeforeValidator(_text)]
_Count = Annotated[int | None, BeforeValidator(_count)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Message(_Part):
    content: _Text = ""
    reasoning_content: _Text = ""
    reasoning: _Text = ""


class _Choice(_Part):
    message: Annotated[_Message | None, BeforeValidator(_object)] = Field(
        None, validation_alias=AliasChoices("delta", "message")
    )
    text: _Text = ""
    finish_reason: Annotated[str | None, BeforeValidator(lambda one: _text(one) or None)] = None


class _Usage(_Part):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None


class Answer(_Part):
    """A chunk, or a whole answer."""

    choices: Annotated[Sequence[_Choice], BeforeValidator(_objects)] = ()
    usage: Annotated[_Usage | None, BeforeValidator(_object)] = None
    error: object = None

    def chunk(self) -> Chunk:
        """What it says, of the first choice."""
        choice = self.choices[0] if self.choices else _Choice()
        message = choice.message or _Message()
        usage = None
        if self.usage is not None and self.usage.completion_tokens is not None:
            usage = Usage(self.usage.prompt_tokens or 0, self.usage.completion_tokens)
        return Chunk(
            text=_whole_characters(message.content or choice.text),
            reasoning=_whole_characters(message.reasoning_content or message.reasoning),
            # The reference allows the text "null" too.
            finish_reason=None if choice.finish_reason == "null" else choice.finish_reason,
            usage=usage,
        )


class _Embedding(_Part):
    # A list of numbers, or base64.
    embedding: Annotated[list[float] | str, Field(min_length=1)]


class Embeddings(_Part):
    """The answer of an embedding model."""

    data: Annotated[Sequence[_Embedding], Field(min_length=1)]


def parsed(model: type[_Model], data: bytes) -> _Model | None:
    """Parse JSON that may be in a wrong encoding; None if it is no such object."""
    text = data.decode(errors="replace")
    try:
        return model.model_validate_json(text)
    except ValidationError:
        pass
    try:
        # Takes halves of surrogate pairs, into which servers cut emoji.
        return model.model_validate(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _whole_characters(text: str) -> str:
    """Without lone surrogates, which can neither be stored nor sent on."""
    return text if text.isascii() else text.encode(errors="replace").decode()
