"""The terms of a request that spends: its price at full scale, and the new end of a lifetime.

They are stored with the operation, shown to the approvers, and compared with the price when it is
sent.
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
    """What a person agrees to: dollars per hour at full scale, or None if unknown."""

    model_config = ConfigDict(frozen=True)

    dollars: Decimal | None = None
    seconds: int | None = None
    until: datetime | None = None

    @classmethod
    def stored(cls, row: Mapping[str, Any] | None) -> Self:
        """Parse what `to_row` returned; empty terms for None, as of older versions."""
        return cls.model_validate(row or {})

    def to_row(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_none=True)


def terms_of(
    deployment: Deployment, kind: OperationKind, prices: Prices, update: Update | None = None
) -> Terms | None:
    """The terms of an operation; None if it can't cost more or run longer."""
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
    """Dollars per hour of all replicas; None if unknown."""
    return version_of(deployment).cost(prices).at_full_scale


def exceeds(dollars: Decimal | None, agreed: Decimal | None) -> bool:
    """Whether a price is, or may be, higher than the agreed one; None agrees to any price."""
    return agreed is not None and (dollars is None or dollars > agreed)
