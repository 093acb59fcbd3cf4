"""Grants of permissions on a target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.policy import Policy
from bot.domain.subjects import SubjectKind


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a permission is granted to; `id` of a user or user group, '' for other kinds."""

    kind: SubjectKind
    id: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """A target's settings; a permission missing in `granted` has its default."""

    policy: Policy = field(default_factory=Policy)
    granted: Mapping[str, Sequence[Subject]] = field(default_factory=dict)
