"""Who may do what on a target, as its team has set it up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.policy import Policy
from bot.domain.subjects import SubjectKind


@dataclass(frozen=True, slots=True)
class Subject:
    """To whom something is granted.

    Attributes:
        id: A user's or a user group's id; '' for the other kinds.
    """

    kind: SubjectKind
    id: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a target's team has set up.

    Attributes:
        granted: By permission; one that is missing has its default.
    """

    policy: Policy = field(default_factory=Policy)
    granted: Mapping[str, Sequence[Subject]] = field(default_factory=dict)
