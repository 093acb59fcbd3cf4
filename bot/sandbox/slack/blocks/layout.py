"""Layout blocks, and which elements and surfaces they allow.

Facts from https://docs.slack.dev/reference/block-kit/blocks, its table of elements by block and
surface, and slack_sdk 3.47. Blocks that no app here can use (`file`, `video`) or whose rules still
change (`card`, `carousel`, `container`, `data_table`, charts) are refused.
"""

from typing import Annotated, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import Field, model_validator

from bot.sandbox.slack.blocks.composition import (
    NOT_BLANK,
    Address,
    Identifier,
    Mrkdwn,
    Picture,
    PlainText,
    Strict,
    Text,
    Words,
    at_most,
)
from bot.sandbox.slack.blocks.elements import (
    Button,
    Checkboxes,
    DatePicker,
    DateTimePicker,
    EmailInput,
    FeedbackButtons,
    IconButton,
    Image,
    NumberInput,
    Overflow,
    PlainTextInput,
    RadioButtons,
    RichTextInput,
    TimePicker,
    UrlInput,
)
from bot.sandbox.slack.blocks.problems import refusal
from bot.sandbox.slack.blocks.rich_text import RichText
from bot.sandbox.slack.blocks.selects import Select

# Accessories of a section, in messages, modals and Home tabs alike.
Accessory: TypeAlias = Annotated[
    Button | Checkboxes | DatePicker | Image | Overflow | RadioButtons | TimePicker | Select,
    Field(discriminator="type"),
]
_EverywhereActive: TypeAlias = (
    Button | Checkboxes | DatePicker | Overflow | RadioButtons | TimePicker | Select
)
HomeAction: TypeAlias = Annotated[_EverywhereActive, Field(discriminator="type")]
Action: TypeAlias = Annotated[_EverywhereActive | DateTimePicker, Field(discriminator="type")]
_EverywhereInput: TypeAlias = (
    Checkboxes | DatePicker | PlainTextInput | RadioButtons | TimePicker | Select
)
MessageField: TypeAlias = Annotated[_EverywhereInput | DateTimePicker, Field(discriminator="type")]
HomeField: TypeAlias = Annotated[_EverywhereInput | RichTextInput, Field(discriminator="type")]
ModalField: TypeAlias = Annotated[
    _EverywhereInput | DateTimePicker | EmailInput | NumberInput | RichTextInput | UrlInput,
    Field(discriminator="type"),
]
ElementT = TypeVar("ElementT")


class Block(Strict):
    block_id: Identifier | None = None


class Section(Block):
    type: Literal["section"]
    text: Text | None = None
    fields: (
        Annotated[list[Annotated[Text, at_most(2000)]], Field(min_length=1, max_length=10)] | None
    ) = None
    accessory: Accessory | None = None
    expand: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and self.fields is None:
            raise refusal("must have text or fields")
        return self


class Divider(Block):
    type: Literal["divider"]


class Header(Block):
    type: Literal["header"]
    text: Annotated[PlainText, at_most(150)]


class Context(Block):
    type: Literal["context"]
    elements: Annotated[
        list[
            Annotated[
                Annotated[PlainText, at_most(2000)] | Annotated[Mrkdwn, at_most(2000)] | Image,
                Field(discriminator="type"),
            ]
        ],
        Field(min_length=1, max_length=10),
    ]


class ContextActions(Block):
    type: Literal["context_actions"]
    elements: Annotated[
        list[Annotated[FeedbackButtons | IconButton, Field(discriminator="type")]],
        Field(min_length=1, max_length=5),
    ]


class Actions(Block, Generic[ElementT]):
    type: Literal["actions"]
    elements: Annotated[list[ElementT], Field(min_length=1, max_length=25)]


class Input(Block, Generic[ElementT]):
    type: Literal["input"]
    label: Annotated[PlainText, at_most(2000)]
    element: ElementT
    hint: Annotated[PlainText, at_most(2000)] | None = None
    optional: bool | None = None
    dispatch_action: bool | None = None


class ImageBlock(Block, Picture):
    type: Literal["image"]
    title: Annotated[PlainText, at_most(2000)] | None = None


class Alert(Block):
    type: Literal["alert"]
    text: Annotated[Text, at_most(200)]
    level: Literal["default", "info", "warning", "error", "success"] | None = None


class Markdown(Block):
    """Standard Markdown, which Slack converts to blocks."""

    type: Literal["markdown"]
    text: Annotated[str, Field(max_length=12000), NOT_BLANK]


class UrlSource(Strict):
    type: Literal["url"]
    url: Address
    text: Words


# Slack documents this limit for streamed plans and tasks, and none for these.
_Title: TypeAlias = Annotated[str, Field(max_length=256), NOT_BLANK]


class TaskCard(Block):
    type: Literal["task_card"]
    task_id: Identifier
    title: _Title
    status: Literal["pending", "in_progress", "complete", "error"]
    details: RichText | None = None
    output: RichText | None = None
    sources: Annotated[list[UrlSource], Field(min_length=1)] | None = None


class Plan(Block):
    type: Literal["plan"]
    title: _Title
    tasks: Annotated[list[TaskCard], Field(min_length=1, max_length=50)]


class RawText(Strict):
    type: Literal["raw_text"]
    text: Annotated[str, NOT_BLANK]


class ColumnSettings(Strict):
    align: Literal["left", "center", "right"] | None = None
    is_wrapped: bool | None = None


class Table(Block):
    type: Literal["table"]
    rows: Annotated[
        list[
            Annotated[
                list[Annotated[RawText | RichText, Field(discriminator="type")]],
                Field(min_length=1, max_length=20),
            ]
        ],
        Field(min_length=1, max_length=100),
    ]
    column_settings: Annotated[list[ColumnSettings], Field(min_length=1, max_length=20)] | None = (
        None
    )

    @model_validator(mode="after")
    def _is_a_rectangle(self) -> Self:
        columns = len(self.rows[0])
        for i, row in enumerate(self.rows):
            if len(row) != columns:
                raise refusal("must have as many cells as the first row", "rows", i)
        if len(self.column_settings or []) > columns:
            raise refusal("must have no more items than there are columns", "column_settings")
        return self


MessageBlock: TypeAlias = Annotated[
    Actions[Action]
    | Context
    | ContextActions
    | Divider
    | Header
    | ImageBlock
    | Input[MessageField]
    | Markdown
    | Plan
    | RichText
    | Section
    | Table
    | TaskCard,
    Field(discriminator="type"),
]
ModalBlock: TypeAlias = Annotated[
    Actions[Action]
    | Alert
    | Context
    | Divider
    | Header
    | ImageBlock
    | Input[ModalField]
    | RichText
    | Section,
    Field(discriminator="type"),
]
HomeBlock: TypeAlias = Annotated[
    Actions[HomeAction]
    | Context
    | Divider
    | Header
    | ImageBlock
    | Input[HomeField]
    | RichText
    | Section,
    Field(discriminator="type"),
]
