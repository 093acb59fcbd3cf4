"""A parsed deploy line: options, values, and syntax errors. Values aren't validated here."""

from dataclasses import dataclass, field
from typing import NamedTuple

from bot.domain.command_line import (
    Edit,
    Word,
)
from bot.domain.request.draft import DeployDraft
from bot.domain.text import quoted


@dataclass(frozen=True, slots=True)
class LineError:
    """An error: plain text, not escaped, the input in backticks; and the nearest valid choice."""

    words: str
    nearest: str | None = None

    @property
    def sentences(self) -> str:
        return f"{self.words} Did you mean {quoted(self.nearest)}?" if self.nearest else self.words


class Span(NamedTuple):
    """The position of an option in a line, and of its value; both ends are exclusive."""

    start: int
    end: int
    value_start: int
    value_end: int


@dataclass
class DeployLine:
    """A parsed line.

    Attributes:
        text: The line, without the command.
        yes: Whether it has `--yes`.
        spans: By option name.
        reported: Fields of the draft with an error; further errors in them are dropped.
        edits: Fix the errors.
        lacks_value: Whether a value is missing that only the person knows.
        is_cut: Whether parsing stopped at too many errors.
    """

    text: str
    draft: DeployDraft = field(default_factory=DeployDraft)
    yes: bool = False
    model: Word | None = None
    spans: dict[str, Span] = field(default_factory=dict)
    field_errors: list[LineError] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)
    edits: list[Edit] = field(default_factory=list)
    lacks_value: bool = False
    is_cut: bool = False

    def deletion(self, start: int, end: int) -> Edit:
        before = self.text[:start].rstrip()
        if before:
            return Edit(len(before), end)
        return Edit(start, len(self.text) - len(self.text[end:].lstrip()))
