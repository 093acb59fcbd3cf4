"""The line of money and time of the deploy modal."""

from decimal import Decimal

from bot.domain.cost_forecast import CostForecast
from bot.domain.instances import InstanceOption, Prices, UnlistedInstance
from bot.domain.request.draft import (
    DEFAULT_MAX_REPLICAS,
    DEFAULT_MIN_REPLICAS,
    DEFAULT_REPLICAS,
    DeployDraft,
)
from bot.domain.request.duration import MOST_SECONDS, parse_duration
from bot.domain.request.parsed_draft import ParsedDraft
from bot.messages.forecast import before_click, price
from bot.messages.markup import money
from bot.services.model_history import SeenBefore

NO_INSTANCE = "Choose an instance to see its price."
UNLISTED_INSTANCE = "This instance's price is unknown."

_MOST_REPLICAS = 9_999  # past this a number was not meant, and the sum would only puzzle


def cost_line(
    draft: DeployDraft,
    prices: Prices,
    *,
    default_lifetime: int | None = None,
    seen: SeenBefore | None = None,
    approval: str = "",
) -> str:
    """Say, as mrkdwn, what a draft would cost as far as it is filled in.

    Args:
        default_lifetime: Seconds, where the draft names none; None for no end.
        seen: With the present time and the usual time of a start; None for an update, which has
            no lifetime.
        approval: That somebody has to approve it, as mrkdwn.
    """
    said = _cost_line(draft, prices, default_lifetime=default_lifetime, seen=seen)
    return " · ".join(filter(None, (said, approval)))


def price_at_most(draft: DeployDraft, prices: Prices) -> Decimal | None:
    """Dollars per hour of all replicas: 0 without an instance, None if unknown."""
    parsed = ParsedDraft(draft, ())
    if isinstance(parsed.instance, UnlistedInstance):
        return None
    if not isinstance(parsed.instance, InstanceOption):
        return Decimal(0)
    bounds = None if draft.effective_scaling == "friendli" else _bounds(parsed)
    return None if bounds is None else prices.per_hour(parsed.instance) * bounds[1]


def _cost_line(
    draft: DeployDraft,
    prices: Prices,
    *,
    default_lifetime: int | None,
    seen: SeenBefore | None,
) -> str:
    parsed = ParsedDraft(draft, ())
    if isinstance(parsed.instance, UnlistedInstance):
        return UNLISTED_INSTANCE
    if not isinstance(parsed.instance, InstanceOption):
        return NO_INSTANCE
    each = prices.per_hour(parsed.instance)
    if draft.effective_scaling == "friendli":
        least, most = None, None
    else:
        bounds = _bounds(parsed)
        if bounds is None:
            return f"*{money(each)}* per replica while live"
        least, most = bounds
    seconds = _lifetime(draft) or default_lifetime
    forecast = CostForecast(each, least, most, seconds)
    if seen is None:
        return price(forecast)
    return before_click(forecast, present=seen.present, usual=seen.usual)


def _lifetime(draft: DeployDraft) -> int | None:
    seconds = parse_duration(draft.lifetime or "")
    return seconds if seconds is not None and seconds <= MOST_SECONDS else None


def _bounds(parsed: ParsedDraft) -> tuple[int, int] | None:
    """The fewest and the most replicas; None if the draft gives none."""

    def number(field: str, default: int) -> int | None:
        return parsed.whole(field) if parsed.text(field) else default

    if parsed.draft.effective_scaling == "auto":
        least = number("min_replicas", DEFAULT_MIN_REPLICAS)
        most = number("max_replicas", max(DEFAULT_MAX_REPLICAS, least or 0))
        lowest = 0
    else:
        least = most = number("replicas", DEFAULT_REPLICAS)
        lowest = 1
    if least is None or most is None or not lowest <= least <= most <= _MOST_REPLICAS or most == 0:
        return None
    return least, most
