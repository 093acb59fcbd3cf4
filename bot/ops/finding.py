"""What a check of `doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    ADVICE = "advice"
    """It works, but something is worth doing."""
    SKIPPED = "skipped"
    """It couldn't be tried."""
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        part: What was checked.
        words: What was found and, unless all is well, what to do.
    """

    verdict: Verdict
    part: str
    words: str

    def __str__(self) -> str:
        return f"{self.verdict:<8} {self.part:<10} {self.words}"
