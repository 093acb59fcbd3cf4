"""Views: modals and Home tabs.

Facts from https://docs.slack.dev/reference/views and https://docs.slack.dev/reference/methods.
"""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bot.sandbox.slack.blocks.composition import Identifier, PlainText, Strict, at_most
from bot.sandbox.slack.blocks.layout import HomeBlock, ModalBlock
from bot.sandbox.slack.blocks.problems import refusal

MAX_VIEW_BYTES = 250_000


class BaseView(Strict):
    private_metadata: Annotated[str, Field(max_length=3000)] | None = None
    callback_id: Identifier | None = None
    external_id: Identifier | None = None


class Modal(BaseView):
    type: Literal["modal"]
    title: Annotated[PlainText, at_most(24)]
    submit: Annotated[PlainText, at_most(24)] | None = None
    close: Annotated[PlainText, at_most(24)] | None = None
    blocks: Annotated[list[ModalBlock], Field(min_length=1, max_length=100)]
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None

    @model_validator(mode="after")
    def _can_be_submitted(self) -> Self:
        if self.submit is None and any(block.type == "input" for block in self.blocks):
            raise refusal("missing field: submit, which input blocks need")
        return self


class Home(BaseView):
    type: Literal["home"]
    blocks: Annotated[list[HomeBlock], Field(min_length=1, max_length=100)]


View: TypeAlias = Annotated[Modal | Home, Field(discriminator="type")]


class ViewArgument(Strict):
    view: View
