"""What an endpoint has cost so far, estimated from its transitions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Self, assert_never

from bot.domain.statuses import Billing, facts_of
from bot.domain.transitions import ObservedTransition, seconds_between

_CENT = Decimal("0.01")
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Spend:
    """An endpoint's cost.

    Attributes:
        dollars: Of the replicas that certainly ran; None if their price is unknown.
        is_charged: Whether the dollars are Friendli's own count, not an estimate.
    """

    seconds: float
    dollars: Decimal | None
    is_least: bool = False
    is_charged: bool = False

    def charged(self, dollars: Decimal) -> Self:
        return replace(self, dollars=dollars.quantize(_CENT), is_least=False, is_charged=True)


def estimate(
    history: Sequence[ObservedTransition],
    price_of_one: Decimal | None,
    *,
    least: int | None,
    most: int | None,
    at: datetime,
) -> Spend:
    """Add up the time in which the endpoint was billed: at least one replica while it serves."""
    if not history:
        return Spend(0.0, None if price_of_one is None else Decimal(0))
    # What isn't over yet has no other clock than ours.
    until = ObservedTransition(history[-1].state, at)
    seconds = 0.0
    billed = False
    for index, (current, following) in enumerate(pairwise([*history, until])):
        billed = _is_billed(current.state.status, before=billed, is_first=index == 0)
        if billed:
            seconds += seconds_between(current, following)
    sure = max(1, least or 0)
    dollars = None
    if price_of_one is not None:
        hours = Decimal(str(seconds)) / _SECONDS_PER_HOUR
        dollars = (price_of_one * sure * hours).quantize(_CENT)
    return Spend(seconds, dollars, is_least=most is None or most > sure)


def _is_billed(status: str, *, before: bool, is_first: bool) -> bool:
    match facts_of(status).billing:
        case Billing.YES:
            return True
        case Billing.NO:
            return False
        case Billing.AS_BEFORE:
            return before
        case Billing.AS_BEFORE_OR_FIRST:
            return before or is_first
        case _ as unknown:
            assert_never(unknown)
