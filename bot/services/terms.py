"""The terms of a request that spends: its price at full scale, and how long an extension lasts.

They are stored with the operation, shown to whoever approves it, and compared with what the
request would cost when it is sent.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.instances import Prices
from bot.domain.operations import Mechanism, OperationKind
from bot.domain.update import Update
from bot.services.version_history import version_of


class Terms(BaseModel):
    """What a person agrees to.

    Attributes:
        dollars: Per hour at full scale; None if the price isn't known.
        seconds: Of an extension: by how long.
        until: Of an extension: the new end.
    """

    model_config = ConfigDict(frozen=True)

    dollars: Decimal | None = None
    seconds: int | None = None
    until: datetime | None = None

    @classmethod
    def stored(cls, row: Mapping[str, Any] | None) -> Self:
        """Read what `to_row` wrote; None if nothing was, as by older versions."""
        return cls.model_validate(row or {})

    def to_row(self) -> dict[str, Any]:
        """Return JSON, to be stored."""
        return self.model_dump(mode="json", exclude_none=True)


def terms_of(
    deployment: Deployment, kind: OperationKind, prices: Prices, update: Update | None = None
) -> Terms | None:
    """The terms of an operation; None if it can't make the endpoint cost more or run longer."""
    if update is not None:
        return Terms(dollars=update.cost_after(prices)) if update.may_cost_more else None
    if not kind.facts.spends:
        return None
    return Terms(dollars=full_scale_price(deployment, prices))


def present_price(deployment: Deployment, operation: Operation, prices: Prices) -> Decimal | None:
    """Dollars per hour at full scale that an operation leads to, by the present price table."""
    if operation.kind.facts.mechanism is Mechanism.VERSION:
        return Update.stored(operation.request).cost_after(prices)
    return full_scale_price(deployment, prices)


def full_scale_price(deployment: Deployment, prices: Prices) -> Decimal | None:
    """Dollars per hour of all replicas of what is asked for, or runs; None if it isn't known."""
    return version_of(deployment).cost(prices).at_full_scale


def exceeds(dollars: Decimal | None, agreed: Decimal | None) -> bool:
    """Whether a price is, or may be, higher than the one that somebody agreed to.

    Who agreed to a price that isn't known, None, agreed to any.
    """
    return agreed is not None and (dollars is None or dollars > agreed)
