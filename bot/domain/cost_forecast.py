"""What an endpoint will cost, before it is created.

A replica is billed from the end of its initialization until it shuts down, idle or not.
"""

from dataclasses import dataclass
from decimal import Decimal

HOURS_PER_MONTH = 730
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class CostForecast:
    """The cost of an endpoint, by its price, its scaling and its lifetime; None where unknown.

    Attributes:
        each: Dollars per hour and replica.
        least: Replicas at minimum scale; 0 lets it sleep.
        most: Replicas at maximum scale.
        lifetime_seconds: None for no end.
    """

    each: Decimal | None
    least: int | None = None
    most: int | None = None
    lifetime_seconds: int | None = None

    @property
    def is_fixed(self) -> bool:
        return self.least is not None and self.least == self.most

    @property
    def sleeps(self) -> bool:
        """Whether it may scale to zero, at no cost."""
        return self.least == 0

    @property
    def hourly_least(self) -> Decimal | None:
        """Dollars per hour of the fewest replicas that serve, at least one."""
        return None if self.each is None else self.each * max(1, self.least or 0)

    @property
    def hourly_most(self) -> Decimal | None:
        return None if self.each is None or self.most is None else self.each * self.most

    @property
    def at_most(self) -> Decimal | None:
        """Dollars until the end of its lifetime, at maximum scale all the time."""
        if self.hourly_most is None or self.lifetime_seconds is None:
            return None
        return self.hourly_most * self.lifetime_seconds / _SECONDS_PER_HOUR


def monthly(per_hour: Decimal) -> Decimal:
    """Dollars per month of 730 hours."""
    return per_hour * HOURS_PER_MONTH
