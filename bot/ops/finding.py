"""A finding of `doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    ADVICE = "advice"
    """It works, but something should be improved."""
    SKIPPED = "skipped"
    """It couldn't be tried."""
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's result; `words` say what was found and what to do."""

    verdict: Verdict
    part: str
    words: str

    def __str__(self) -> str:
        return f"{self.verdict:<8} {self.part:<10} {self.words}"
