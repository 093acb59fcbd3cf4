"""Bodies of inference requests, field by field as in Friendli's API reference.

Further fields are refused, so that a misspelt one shows.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class TextPart(_Body):
    type: Literal["text"]
    text: str


class ChatMessage(_Body):
    """A message; audio, images and video aren't answered here."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[JsonValue] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(_Body):
    include_usage: bool | None = None


class GenerationBody(_Body):
    """What chats and completions have in common."""

    model: str
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    min_tokens: int | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    seed: int | list[int] | None = None
    stop: list[str] | None = None
    eos_token: list[int] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    xtc_threshold: float | None = None
    xtc_probability: float | None = None
    response_format: dict[str, JsonValue] | None = None


class ChatBody(GenerationBody):
    """`DedicatedChatCompletionBody`."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    chat_template_kwargs: dict[str, JsonValue] | None = None
    logit_bias: dict[str, JsonValue] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: (
        Literal["minimal", "low", "medium", "high", "xhigh", "max", "ultracode"] | None
    ) = None
    reasoning_budget: int | None = None
    parse_reasoning: bool | None = None
    include_reasoning: bool | None = None
    tool_choice: str | dict[str, JsonValue] | None = None
    tools: list[JsonValue] | None = None


class CompletionBody(GenerationBody):
    """A completion, in OpenAI's shape."""

    prompt: str


class EmbeddingBody(_Body):
    """`DedicatedEmbeddingsBody`."""

    model: str
    input: str | list[str] | None = None
    tokens: list[int] | None = None
    encoding_format: Literal["float", "base64"] | None = "float"
