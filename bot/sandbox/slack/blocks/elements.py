"""Block elements except menus: buttons, choices, pickers and inputs.

Facts from https://docs.slack.dev/reference/block-kit/block-elements and slack_sdk 3.47.
`file_input` and `workflow_button` need scopes and workflows that no app here has, and are refused.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from bot.sandbox.slack.blocks.composition import (
    DISTINCT,
    DISTINCT_OPTIONS,
    NOT_BLANK,
    Address,
    Confirm,
    DispatchActionConfig,
    LinkOption,
    MarkedOption,
    Picture,
    PlainText,
    Strict,
    UserId,
    Words,
    at_most,
    matching,
)
from bot.sandbox.slack.blocks.problems import refusal
from bot.sandbox.slack.blocks.rich_text import RichText
from bot.sandbox.slack.blocks.selects import Interactive, Placeholder

ButtonText: TypeAlias = Annotated[PlainText, at_most(75)]
ButtonValue: TypeAlias = Annotated[str, Field(max_length=2000), NOT_BLANK]
AccessibilityLabel: TypeAlias = Annotated[str, Field(max_length=75), NOT_BLANK]
Number: TypeAlias = Annotated[str, matching(r"-?\d+(\.\d+)?", "a number in a string")]


class Image(Picture):
    type: Literal["image"]


class Confirmable(Interactive):
    confirm: Confirm | None = None


class Button(Confirmable):
    type: Literal["button"]
    text: ButtonText
    url: Address | None = None
    value: ButtonValue | None = None
    style: Literal["primary", "danger"] | None = None
    accessibility_label: AccessibilityLabel | None = None


class Overflow(Confirmable):
    type: Literal["overflow"]
    options: Annotated[list[LinkOption], Field(min_length=1, max_length=5), DISTINCT_OPTIONS]


class Focusable(Confirmable):
    """An element that may have the focus when its view opens."""

    focus_on_load: bool | None = None


class RadioButtons(Focusable):
    type: Literal["radio_buttons"]
    options: Annotated[list[MarkedOption], Field(min_length=1, max_length=10), DISTINCT_OPTIONS]
    initial_option: MarkedOption | None = None

    @model_validator(mode="after")
    def _starts_with_an_option(self) -> Self:
        if self.initial_option is not None and self.initial_option not in self.options:
            raise refusal("must equal one of the options", "initial_option")
        return self


class Checkboxes(Focusable):
    type: Literal["checkboxes"]
    options: Annotated[list[MarkedOption], Field(min_length=1, max_length=10), DISTINCT_OPTIONS]
    initial_options: Annotated[list[MarkedOption], Field(min_length=1), DISTINCT_OPTIONS] | None = (
        None
    )

    @model_validator(mode="after")
    def _starts_with_options(self) -> Self:
        for i, start in enumerate(self.initial_options or []):
            if start not in self.options:
                raise refusal("must equal one of the options", "initial_options", i)
        return self


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise refusal("must be a day as YYYY-MM-DD") from None
    return text


class DatePicker(Focusable):
    type: Literal["datepicker"]
    # date.fromisoformat alone also reads 20261001 and 2026-W40-4.
    initial_date: (
        Annotated[str, matching(r"\d{4}-\d\d-\d\d", "a day as YYYY-MM-DD"), AfterValidator(_day)]
        | None
    ) = None
    placeholder: Placeholder | None = None


class TimePicker(Focusable):
    type: Literal["timepicker"]
    initial_time: (
        Annotated[str, matching(r"([01]\d|2[0-3]):[0-5]\d", "a time of day as HH:mm")] | None
    ) = None
    timezone: (
        Annotated[str, matching(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)*", "the name of a time zone")] | None
    ) = None
    placeholder: Placeholder | None = None


class DateTimePicker(Focusable):
    """A moment in seconds since 1970, in ten digits."""

    type: Literal["datetimepicker"]
    initial_date_time: Annotated[int, Field(ge=1_000_000_000, le=9_999_999_999)] | None = None


class TextField(Interactive):
    placeholder: Placeholder | None = None
    dispatch_action_config: DispatchActionConfig | None = None
    focus_on_load: bool | None = None


class PlainTextInput(TextField):
    type: Literal["plain_text_input"]
    initial_value: Annotated[str, Field(max_length=3000), NOT_BLANK] | None = None
    multiline: bool | None = None
    min_length: Annotated[int, Field(ge=0, le=3000)] | None = None
    max_length: Annotated[int, Field(ge=1, le=3000)] | None = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        shortest, longest = self.min_length or 0, self.max_length or 3000
        if shortest > longest:
            raise refusal("must not be greater than max_length", "min_length")
        if self.initial_value is not None and not shortest <= len(self.initial_value) <= longest:
            raise refusal("must be as long as min_length and max_length allow", "initial_value")
        return self


class EmailInput(TextField):
    type: Literal["email_text_input"]
    initial_value: Words | None = None


class UrlInput(TextField):
    type: Literal["url_text_input"]
    initial_value: Words | None = None


class RichTextInput(TextField):
    type: Literal["rich_text_input"]
    initial_value: RichText | None = None


class NumberInput(TextField):
    """A number; bounds and initial value are numbers as strings."""

    type: Literal["number_input"]
    is_decimal_allowed: bool
    initial_value: Number | None = None
    min_value: Number | None = None
    max_value: Number | None = None

    @model_validator(mode="after")
    def _numbers_agree(self) -> Self:
        if not self.is_decimal_allowed:
            for field in ("initial_value", "min_value", "max_value"):
                if "." in (getattr(self, field) or ""):
                    raise refusal("must be a whole number in a string", field)
        low, high = Decimal(self.min_value or "-Infinity"), Decimal(self.max_value or "Infinity")
        if low > high:
            raise refusal("must not be greater than max_value", "min_value")
        if self.initial_value is not None and not low <= Decimal(self.initial_value) <= high:
            raise refusal("must be between min_value and max_value", "initial_value")
        return self


class FeedbackButton(Strict):
    text: ButtonText
    value: ButtonValue
    accessibility_label: AccessibilityLabel | None = None


class FeedbackButtons(Interactive):
    type: Literal["feedback_buttons"]
    positive_button: FeedbackButton
    negative_button: FeedbackButton


class IconButton(Confirmable):
    type: Literal["icon_button"]
    icon: Literal["trash"]
    text: ButtonText
    value: ButtonValue | None = None
    accessibility_label: AccessibilityLabel | None = None
    visible_to_user_ids: (
        Annotated[list[UserId], Field(min_length=1, max_length=10), DISTINCT] | None
    ) = None
