"""The rich_text block with its tree of elements.

Facts from https://docs.slack.dev/reference/block-kit/blocks/rich-text-block and slack_sdk 3.47.
Elements that only Slack's own clients write (canvases, files, citations …) are refused.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from bot.sandbox.slack.blocks.composition import (
    Address,
    ChannelId,
    Identifier,
    Strict,
    UserId,
    Words,
    matching,
)
from bot.sandbox.slack.blocks.markup import is_date_format
from bot.sandbox.slack.blocks.problems import refusal


def _date_format(template: str) -> str:
    if not is_date_format(template):
        raise refusal("must hold date tokens that Slack knows, such as {date_short}")
    return template


def _not_empty(text: str) -> str:
    # A space or a line break between two styled elements is an element too.
    if not text:
        raise refusal("must not be empty")
    return text


class Style(Strict):
    bold: bool | None = None
    italic: bool | None = None
    strike: bool | None = None
    underline: bool | None = None
    code: bool | None = None


class Piece(Strict):
    style: Style | None = None


class TextPiece(Piece):
    type: Literal["text"]
    text: Annotated[str, AfterValidator(_not_empty)]


class LinkPiece(Piece):
    type: Literal["link"]
    url: Annotated[
        str,
        Field(max_length=3000),
        matching(r"(https?://|mailto:)[^\s<>]+", "an http, https or mailto address"),
    ]
    text: Words | None = None
    unsafe: bool | None = None


class EmojiPiece(Piece):
    """An emoji by its name, without colons."""

    type: Literal["emoji"]
    name: Annotated[str, matching(r"[a-z0-9_+'-]+", "the name of an emoji without colons")]
    unicode: Annotated[str, matching(r"[0-9a-f]+(-[0-9a-f]+)*", "lowercase hexadecimal")] | None = (
        None
    )
    skin_tone: Annotated[int, Field(ge=1, le=6)] | None = None


class DatePiece(Piece):
    """A moment in the reader's time zone; `timestamp` in seconds since 1970."""

    type: Literal["date"]
    timestamp: Annotated[int, Field(ge=0)]
    format: Annotated[str, AfterValidator(_date_format)]
    url: Address | None = None
    fallback: Words | None = None


class UserPiece(Piece):
    type: Literal["user"]
    user_id: UserId


class UserGroupPiece(Piece):
    type: Literal["usergroup"]
    usergroup_id: Annotated[str, matching(r"S[A-Z0-9]+", "the id of a user group")]


class ChannelPiece(Piece):
    type: Literal["channel"]
    channel_id: ChannelId


class BroadcastPiece(Piece):
    type: Literal["broadcast"]
    range: Literal["here", "channel", "everyone"]


class ColorPiece(Piece):
    type: Literal["color"]
    value: Annotated[str, matching(r"#[0-9A-Fa-f]{6}", "a color such as #F405B3")]


InlinePiece: TypeAlias = Annotated[
    TextPiece
    | LinkPiece
    | EmojiPiece
    | DatePiece
    | UserPiece
    | UserGroupPiece
    | ChannelPiece
    | BroadcastPiece
    | ColorPiece,
    Field(discriminator="type"),
]
Line: TypeAlias = Annotated[list[InlinePiece], Field(min_length=1)]
Border: TypeAlias = Annotated[int, Field(ge=0, le=1)]


class RichTextSection(Strict):
    type: Literal["rich_text_section"]
    elements: Line


class RichTextList(Strict):
    type: Literal["rich_text_list"]
    style: Literal["bullet", "ordered"]
    elements: Annotated[list[RichTextSection], Field(min_length=1)]
    indent: Annotated[int, Field(ge=0, le=8)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None
    border: Border | None = None


class RichTextQuote(Strict):
    type: Literal["rich_text_quote"]
    elements: Line
    border: Border | None = None


class RichTextPreformatted(Strict):
    type: Literal["rich_text_preformatted"]
    elements: Annotated[
        list[Annotated[TextPiece | LinkPiece, Field(discriminator="type")]], Field(min_length=1)
    ]
    border: Border | None = None


class RichText(Strict):
    type: Literal["rich_text"]
    block_id: Identifier | None = None
    elements: Annotated[
        list[
            Annotated[
                RichTextSection | RichTextList | RichTextQuote | RichTextPreformatted,
                Field(discriminator="type"),
            ]
        ],
        Field(min_length=1),
    ]
