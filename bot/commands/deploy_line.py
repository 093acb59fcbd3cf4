"""Take a deploy line apart: options, values, and what is wrong with the way they are written.

What the values mean is not judged here. Every mistake of form comes with the edit that mends it.
"""

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
    """One mistake in a line.

    Attributes:
        words: What is wrong and what is valid: plain text, not escaped, in which what was typed
            stands between backticks.
        nearest: The valid choice that was most likely meant.
    """

    words: str
    nearest: str | None = None

    @property
    def sentences(self) -> str:
        """The words, and the nearest choice if there is one."""
        return f"{self.words} Nearest: {quoted(self.nearest)}." if self.nearest else self.words


class WordSpan(NamedTuple):
    """Where an option stands in a line, and where its value does; both ends are exclusive."""

    start: int
    end: int
    value_start: int
    value_end: int


@dataclass
class DeployLine:
    """A line, taken apart.

    Attributes:
        text: The line, without the command.
        draft: What was typed.
        yes: Whether `--yes` was.
        model: Where the model stands, if anywhere.
        places: Option name → where it stands.
        field_errors: Mistakes of form.
        told: Fields of the draft that a slip is about, of which no more need be said.
        edits: What mends the slips.
        invented: Whether an edit puts an example where nobody typed a value.
        is_cut: Whether there were too many mistakes to read on.
    """

    text: str
    draft: DeployDraft = field(default_factory=DeployDraft)
    yes: bool = False
    model: Word | None = None
    places: dict[str, WordSpan] = field(default_factory=dict)
    field_errors: list[LineError] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    edits: list[Edit] = field(default_factory=list)
    invented: bool = False
    is_cut: bool = False

    def deletion(self, start: int, end: int) -> Edit:
        """Return the edit that leaves a part out, with the space that set it apart."""
        before = self.text[:start].rstrip()
        if before:
            return Edit(len(before), end)
        return Edit(start, len(self.text) - len(self.text[end:].lstrip()))
