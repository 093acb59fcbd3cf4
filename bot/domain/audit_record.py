"""An entry of the audit, as people read it."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.audit_effect import Effect


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who did what, and its effect.

    Attributes:
        id: Grows with time; older entries have smaller ones.
        person_id: '' for the bot itself.
        action: As scope and action, such as "endpoint:sleep".
        target_name: '' where none is concerned.
        endpoint: The endpoint's name; '' where none is concerned.
        detail: Plain text.
    """

    id: int
    at: datetime
    person_id: str
    action: str
    target_name: str
    endpoint: str
    effect: Effect
    detail: str
