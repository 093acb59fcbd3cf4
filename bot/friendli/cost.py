"""Responses of the cost operation, and charges by endpoint.

Unlike the other operations, its fields are snake_case on the wire.
"""

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.schemas import ResponseModel

BUCKETS_A_PAGE = 35
_GPU_TIME = "gpu time cost"


class CostResult(ResponseModel):
    """A line of a day's cost.

    Attributes:
        total: Dollars.
        quantity: GPU-hours, of GPU time.
        unit_price: Cents per GPU-hour, of GPU time.
        line_item: Such as "dep4x…, NVIDIA H100, gpu time cost".
    """

    total: Decimal
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    line_item: str | None = None


class CostBucket(ResponseModel):
    """The cost of a day in UTC."""

    results: tuple[CostResult, ...] = ()


class CostResponse(ResponseModel):
    """One page of days."""

    data: tuple[CostBucket, ...] = ()
    has_more: bool = False
    next_page: str | None = None


def charged(buckets: Iterable[CostBucket]) -> dict[str, Decimal]:
    """Dollars by endpoint id, of charged ones only."""
    dollars: dict[str, Decimal] = {}
    for bucket in buckets:
        for line in bucket.results:
            endpoint_id, _, what = (line.line_item or "").partition(", ")
            if what.endswith(_GPU_TIME):
                dollars[endpoint_id] = dollars.get(endpoint_id, Decimal(0)) + line.total
    return dollars
