"""Composition objects: texts, options, confirmations and other parts of elements.

Facts from https://docs.slack.dev/reference/block-kit/composition-objects and slack_sdk 3.47.
Character limits count code points; Slack doesn't publish how it counts.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.sandbox.slack.blocks.markup import unparsable
from bot.sandbox.slack.blocks.problems import Path, refusal


class Strict(BaseModel):
    """An object of the payload: no unknown field, no conversion."""

    # Nulls never reach these models (see tree.unsendable): None always means an absent field.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def matching(pattern: str, words: str) -> AfterValidator:
    """A validator that the whole string matches a pattern, which `words` describe."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if form.fullmatch(text) is None:
            raise refusal(f"must be {words}")
        return text

    return AfterValidator(check)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise refusal("must not be blank")
    return text


def _only_known_markup(text: str) -> str:
    if (sequence := unparsable(text)) is not None:
        raise refusal(f"has a control sequence that Slack doesn't know: {sequence}")
    return text


NOT_BLANK = AfterValidator(_not_blank)
ONLY_KNOWN_MARKUP = AfterValidator(_only_known_markup)
Words: TypeAlias = Annotated[str, NOT_BLANK]
Identifier: TypeAlias = Annotated[str, Field(max_length=255), NOT_BLANK]
Address: TypeAlias = Annotated[
    str, Field(max_length=3000), matching(r"https?://[^\s<>]+", "an http or https address")
]
UserId: TypeAlias = Annotated[str, matching(r"[UW][A-Z0-9]+", "the id of a person")]
ChannelId: TypeAlias = Annotated[str, matching(r"[CG][A-Z0-9]+", "the id of a channel")]
ConversationId: TypeAlias = Annotated[
    str, matching(r"[CDGUW][A-Z0-9]+", "the id of a conversation")
]


class PlainText(Strict):
    type: Literal["plain_text"]
    text: Annotated[str, Field(max_length=3000), NOT_BLANK]
    emoji: bool | None = None


class Mrkdwn(Strict):
    type: Literal["mrkdwn"]
    text: Annotated[str, Field(max_length=3000), NOT_BLANK, ONLY_KNOWN_MARKUP]
    verbatim: bool | None = None


Text: TypeAlias = Annotated[PlainText | Mrkdwn, Field(discriminator="type")]


def at_most(characters: int) -> AfterValidator:
    def check(text: PlainText | Mrkdwn) -> PlainText | Mrkdwn:
        if len(text.text) > characters:
            raise refusal(f"must be at most {characters} characters", "text")
        return text

    return AfterValidator(check)


class Confirm(Strict):
    title: Annotated[PlainText, at_most(100)]
    text: Annotated[PlainText, at_most(300)]
    confirm: Annotated[PlainText, at_most(30)]
    deny: Annotated[PlainText, at_most(30)]
    style: Literal["primary", "danger"] | None = None


class Option(Strict):
    text: Annotated[PlainText, at_most(75)]
    value: Annotated[str, Field(max_length=150), NOT_BLANK]
    description: Annotated[PlainText, at_most(75)] | None = None


class LinkOption(Option):
    """An option of an overflow menu, with an optional URL."""

    url: Address | None = None


class MarkedOption(Strict):
    """An option of radio buttons or checkboxes; may use mrkdwn."""

    text: Annotated[Text, at_most(75)]
    value: Annotated[str, Field(max_length=150), NOT_BLANK]
    description: Annotated[Text, at_most(75)] | None = None


def _distinct_options(options: Sequence[Option | MarkedOption]) -> Sequence[Option | MarkedOption]:
    _refuse_repeats([((i,), option) for i, option in enumerate(options)])
    return options


def _distinct(values: Sequence[str]) -> Sequence[str]:
    for i, value in enumerate(values):
        if value in values[:i]:
            raise refusal(f"{value} stands there twice", i)
    return values


DISTINCT = AfterValidator(_distinct)
DISTINCT_OPTIONS = AfterValidator(_distinct_options)


class OptionGroup(Strict):
    label: Annotated[PlainText, at_most(75)]
    options: Annotated[list[Option], Field(min_length=1, max_length=100)]


def choices(options: list[Option] | None, groups: list[OptionGroup] | None) -> list[Option]:
    """All options of a menu; refuses a menu with both or neither kind of list."""
    if (options is None) == (groups is None):
        raise refusal("must have either options or option_groups")
    found: list[tuple[Path, Option]] = [
        (("options", i), option) for i, option in enumerate(options or [])
    ]
    for g, group in enumerate(groups or []):
        found += [(("option_groups", g, "options", i), o) for i, o in enumerate(group.options)]
    _refuse_repeats(found)
    return [option for _, option in found]


def _refuse_repeats(options: Sequence[tuple[Path, Option | MarkedOption]]) -> None:
    seen = set()
    for path, option in options:
        if option.value in seen:
            raise refusal(f"value {option.value} already exists", *path, "value")
        seen.add(option.value)


class DispatchActionConfig(Strict):
    """When a text input sends `block_actions`."""

    trigger_actions_on: Annotated[
        list[Literal["on_enter_pressed", "on_character_entered"]], Field(min_length=1), DISTINCT
    ]


class ConversationFilter(Strict):
    include: (
        Annotated[list[Literal["im", "mpim", "private", "public"]], Field(min_length=1), DISTINCT]
        | None
    ) = None
    exclude_external_shared_channels: bool | None = None
    exclude_bot_users: bool | None = None

    @model_validator(mode="after")
    def _filters(self) -> "ConversationFilter":
        if not self.model_fields_set:
            raise refusal("must have at least one field")
        return self


class SlackFile(Strict):
    id: Annotated[str, matching(r"F[A-Z0-9]+", "the id of a file")] | None = None
    url: Address | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "SlackFile":
        if (self.id is None) == (self.url is None):
            raise refusal("must have either id or url")
        return self


class Picture(Strict):
    image_url: Address | None = None
    slack_file: SlackFile | None = None
    alt_text: Annotated[str, Field(max_length=2000), NOT_BLANK]

    @model_validator(mode="after")
    def _one_source(self) -> "Picture":
        if (self.image_url is None) == (self.slack_file is None):
            raise refusal("must have either image_url or slack_file")
        return self
