"""An audit entry."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.audit_effect import Effect


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An audit entry for display.

    Attributes:
        person_id: '' for the bot itself.
        action: Scope and action, such as "endpoint:sleep".
        target_name: '' for none.
    """

    id: int
    at: datetime
    person_id: str
    action: str
    target_name: str
    endpoint: str
    effect: Effect
    detail: str
