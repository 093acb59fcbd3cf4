"""A modal as Slack sends it: the bot's private_metadata, and the state of the fields."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

_E = TypeVar("_E", bound=StrEnum)


class Choice(BaseModel):
    """A chosen option."""

    value: str


class Element(BaseModel):
    """The state of an element; each type has one of these."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    value: str | None = None
    selected_option: Choice | None = None
    selected_options: tuple[Choice, ...] | None = None

    @property
    def typed(self) -> str:
        return (self.value or "").strip()

    @property
    def ticked(self) -> Sequence[str]:
        return [choice.value for choice in self.selected_options or ()]

    def chosen(self, shown: _E) -> _E:
        """The one shown if Slack sends none; a ValidationError if it isn't in the enum."""
        if self.selected_option is None:
            return shown
        return TypeAdapter(type(shown)).validate_python(self.selected_option.value)


class State(BaseModel):
    """The state of all elements, by block id and action id."""

    values: dict[str, dict[str, Element]] = Field(default_factory=dict)


class Modal(BaseModel):
    """A modal in a submission or a block action."""

    private_metadata: str
    state: State | None = None

    def element(self, name: str, action_id: str = "") -> Element:
        """The element of a block; an empty one if there is none.

        Args:
            name: The block id.
            action_id: '' if it is the same.
        """
        blocks = self.state.values if self.state else {}
        return blocks.get(name, {}).get(action_id or name, Element())
