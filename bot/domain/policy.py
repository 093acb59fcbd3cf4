"""What a target's team has decided: approvals, how long endpoints run, what the channel hears."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Approval(StrEnum):
    """When what spends money needs a second person's yes."""

    NEVER = "never"
    ALWAYS = "always"
    ABOVE = "above"
    """Above so many dollars an hour at full scale."""


class ExpiryAction(StrEnum):
    """What happens to an endpoint when its time is over."""

    TERMINATE = "terminate"
    SLEEP = "sleep"
    """Any request wakes a sleeping endpoint, so this guards no money."""


class NotificationLevel(StrEnum):
    """Which news of a thread reach the channel too."""

    EVERYTHING = "everything"
    READY_AND_FAILED = "ready_and_failed"
    FAILED = "failed"


class DefaultScaling(StrEnum):
    """How an endpoint scales by default; a `bot.domain.request.draft.Scaling`."""

    AUTO = "auto"
    """From 0 to 1 replica: it sleeps while nobody uses it."""
    FIXED = "fixed"
    """One replica, which never sleeps."""
    FRIENDLI = "friendli"
    """None is sent, and Friendli decides."""


class Policy(BaseModel):
    """A target's settings; the defaults are those of a target that nobody has set up.

    Attributes:
        approval_above: Dollars an hour; counts with `Approval.ABOVE`.
        requester_may_approve: Whether one may say yes to one's own request.
        approval_hours: How long a request waits for its yes.
        lifetime_hours: How long an endpoint runs if nobody says otherwise; None for no end.
        scaling: How an endpoint scales if nobody says otherwise.
        guests_may_act: Whether people from other organisations may do more than look.
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

    @property
    def lifetime_seconds(self) -> int | None:
        """How long an endpoint runs if nobody says otherwise; None for no end."""
        return None if self.lifetime_hours is None else self.lifetime_hours * 3600

    def asks_for_approval(self, dollars_per_hour: Decimal | None) -> bool:
        """Whether something that costs so much at full scale needs a second person's yes.

        What isn't known, None, may be more than any price.
        """
        if self.approval is Approval.ABOVE:
            return dollars_per_hour is None or dollars_per_hour > self.approval_above
        return self.approval is Approval.ALWAYS
