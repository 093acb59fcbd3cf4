"""A target's settings: approvals, lifetimes, notifications."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Approval(StrEnum):
    """When spending needs a second person's approval."""

    NEVER = "never"
    ALWAYS = "always"
    ABOVE = "above"
    """Above so many dollars an hour at full scale."""


class ExpiryAction(StrEnum):
    """What happens to an endpoint at the end of its lifetime."""

    TERMINATE = "terminate"
    SLEEP = "sleep"
    """Any request wakes a sleeping endpoint, so this saves no money reliably."""


class NotificationLevel(StrEnum):
    """Which notifications of a thread are broadcast to the channel."""

    EVERYTHING = "everything"
    READY_AND_FAILED = "ready_and_failed"
    FAILED = "failed"


class DefaultScaling(StrEnum):
    """An endpoint's default scaling; a `bot.domain.request.draft.Scaling`."""

    AUTO = "auto"
    """From 0 to 1 replica: it sleeps when idle."""
    FIXED = "fixed"
    """One replica, which never sleeps."""
    FRIENDLI = "friendli"
    """None is sent, and Friendli decides."""


class Policy(BaseModel):
    """A target's settings, with the defaults of a new target.

    Attributes:
        requester_may_approve: Whether requesters may approve their own requests.
        smoke_test: Whether an endpoint gets a small request when it starts.
        lifetime_hours: Default lifetime; None for no end.
    """

    model_config = ConfigDict(frozen=True)

    approval: Approval = Approval.NEVER
    approval_above: Dollars = Decimal(0)
    requester_may_approve: bool = False
    approval_hours: Annotated[int, Field(ge=1, le=24 * 7)] = 24
    lifetime_hours: Annotated[int, Field(ge=1, le=24 * 90)] | None = None
    expiry_action: ExpiryAction = ExpiryAction.TERMINATE
    scaling: DefaultScaling = DefaultScaling.AUTO
    notification_level: NotificationLevel = NotificationLevel.READY_AND_FAILED
    guests_may_act: bool = False
    smoke_test: bool = True

    @property
    def lifetime_seconds(self) -> int | None:
        return None if self.lifetime_hours is None else self.lifetime_hours * 3600

    def asks_for_approval(self, dollars_per_hour: Decimal | None) -> bool:
        """Whether this price at full scale needs approval; an unknown one (None) may be any."""
        if self.approval is Approval.ABOVE:
            return dollars_per_hour is None or dollars_per_hour > self.approval_above
        return self.approval is Approval.ALWAYS
