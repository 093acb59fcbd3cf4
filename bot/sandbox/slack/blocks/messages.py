"""Messages: arguments of chat.postMessage, chat.update, chat.postEphemeral and response_url.

Facts from https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours, and from
https://docs.slack.dev/messaging/message-metadata. Two limits are measured, not published: in
chat.update the 4,000 of `text` are bytes of UTF-8 (2,035 characters in 3,971 bytes pass, 1,993 in
4,121 don't); and from about 13,200, in a count of Slack's own, blocks are refused with
`msg_blocks_too_long`; here the bytes of their JSON count.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from bot.sandbox.slack.blocks.composition import (
    Strict,
    UserId,
    Words,
    matching,
)
from bot.sandbox.slack.blocks.layout import Markdown, MessageBlock, Plan, Table, TaskCard
from bot.sandbox.slack.blocks.markup import unparsable
from bot.sandbox.slack.blocks.problems import Path, refusal
from bot.sandbox.slack.blocks.tree import encoded_bytes

_MAX_TEXT_BYTES = 4_000
_MAX_BLOCKS_BYTES = 13_000
_MAX_MARKDOWN = 12_000
# Slack says that metadata can be too large, but gives no limit.
_MAX_METADATA_BYTES = 4_000
_NOT_THAT_SHAPE = {"dict_type", "list_type", "model_type", "null"}
_Timestamp = Annotated[str, matching(r"\d{10}\.\d{6}", "the ts of a message")]


def _flat_payload(payload: dict[str, object]) -> dict[str, object]:
    """Refuse what @slack/types excludes: values are scalars, flat objects or lists of those."""
    for key, value in payload.items():
        objects = value if isinstance(value, list) else [value]
        for i, item in enumerate(objects):
            at = (key, i) if isinstance(value, list) else (key,)
            if isinstance(item, Mapping):
                for name, scalar in item.items():
                    if not isinstance(scalar, str | int | float):
                        raise refusal("must be a string, a number or a boolean", *at, name)
            elif isinstance(value, list) or not isinstance(item, str | int | float):
                raise refusal("must be a flat value", *at)
    return payload


class Metadata(Strict):
    event_type: Annotated[
        str, Field(max_length=255), matching(r"[A-Za-z0-9_]+", "letters, digits and underscores")
    ]
    event_payload: Annotated[dict[str, object], AfterValidator(_flat_payload)]


class Message(Strict):
    """A message; refusals carry Slack's error name where there is one."""

    channel: Words | None = None
    user: UserId | None = None
    ts: _Timestamp | None = None
    thread_ts: _Timestamp | None = None
    reply_broadcast: bool | None = None
    response_type: Literal["in_channel", "ephemeral"] | None = None
    replace_original: bool | None = None
    delete_original: bool | None = None
    text: Annotated[str | None, Field(validate_default=True)] = None
    blocks: Annotated[list[MessageBlock], Field(max_length=50)] | None = None
    attachments: Annotated[list[object], Field(max_length=100)] | None = None
    metadata: Metadata | None = None
    mrkdwn: bool | None = None
    parse: Literal["none", "full"] | None = None
    link_names: bool | None = None
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None

    @field_validator("text")
    @classmethod
    def _text_says_something(cls, text: str | None, info: ValidationInfo) -> str | None:
        # Slack accepts blocks without text; notifications and screen readers are then empty.
        if not (text or "").strip() and not info.data.get("delete_original"):
            raise refusal("must say something, with blocks too", error="no_text")
        if text is not None and len(text.encode(errors="surrogatepass")) > _MAX_TEXT_BYTES:
            raise refusal(f"must be at most {_MAX_TEXT_BYTES} bytes", error="msg_too_long")
        if text is not None and (sequence := unparsable(text)) is not None:
            raise refusal(f"has a control sequence that Slack doesn't know: {sequence}")
        return text

    @field_validator("attachments")
    @classmethod
    def _no_attachments(cls, attachments: list[object] | None) -> list[object] | None:
        if attachments:
            raise refusal("must be empty: attachments are a legacy of Slack, use blocks")
        return attachments

    @model_validator(mode="after")
    def _broadcasts_a_reply(self) -> Self:
        if self.reply_broadcast and self.thread_ts is None and self.ts is None:
            raise refusal("must not be true without thread_ts", "reply_broadcast")
        return self


def error_name(path: Path, kind: str) -> str:
    match path:
        case ("blocks",) if kind in _NOT_THAT_SHAPE:
            return "invalid_blocks_format"
        case ("blocks", *_):
            return "invalid_blocks"
        case ("metadata",) if kind in _NOT_THAT_SHAPE:
            return "invalid_metadata_format"
        case ("metadata", *_):
            return "invalid_metadata_schema"
        case ("attachments",) if kind == "too_long":
            return "too_many_attachments"
    return "invalid_arguments"


def too_large(payload: Mapping[str, object]) -> Iterator[tuple[Path, str, str]]:
    """The path, text and error name of each part that is too large."""
    for field, limit, error in (
        ("blocks", _MAX_BLOCKS_BYTES, "msg_blocks_too_long"),
        ("metadata", _MAX_METADATA_BYTES, "metadata_too_large"),
    ):
        if encoded_bytes(payload.get(field)) > limit:
            yield (field,), f"must take at most {limit} bytes as JSON", error


def has_too_many_blocks(blocks: Sequence[MessageBlock]) -> Iterator[tuple[Path, str]]:
    """The blocks beyond the limit of one message."""
    markdown, plans, tables = 0, 0, 0
    has_cards = any(isinstance(block, TaskCard) for block in blocks)
    for i, block in enumerate(blocks):
        match block:
            case Markdown():
                markdown += len(block.text)
                if markdown > _MAX_MARKDOWN:
                    yield (
                        ("blocks", i, "text"),
                        f"must leave all markdown of a message at most {_MAX_MARKDOWN} characters",
                    )
            case Plan():
                plans += 1
                if plans > 1 or has_cards:
                    yield ("blocks", i), "must be the only plan, without task cards beside it"
            case Table():
                tables += 1
                if tables > 1:
                    yield ("blocks", i), "must be the only table"
