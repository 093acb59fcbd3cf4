"""What Slack tells of a modal: what the bot keeps in it, and what stands in its fields."""

from pydantic import BaseModel, ConfigDict, Field


class Choice(BaseModel):
    """An option that is chosen."""

    value: str


class Element(BaseModel):
    """The state of an element; each type has one of these."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    value: str | None = None
    selected_option: Choice | None = None
    selected_options: tuple[Choice, ...] | None = None


class State(BaseModel):
    """The state of all elements, by block id and action id."""

    values: dict[str, dict[str, Element]] = Field(default_factory=dict)


class Modal(BaseModel):
    """A modal as a submission or a click in it describes it.

    Attributes:
        private_metadata: As the bot wrote it.
    """

    private_metadata: str
    state: State | None = None

    def element(self, name: str) -> Element:
        """The element whose block id and action id are both this; an empty one if there is none."""
        blocks = self.state.values if self.state else {}
        return blocks.get(name, {}).get(name, Element())
