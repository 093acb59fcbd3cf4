"""The cost line of the deploy modal."""

from bot.domain.instances import InstanceOption, Prices, UnlistedInstance
from bot.domain.request.draft import (
    DEFAULT_MAX_REPLICAS,
    DEFAULT_MIN_REPLICAS,
    DEFAULT_REPLICAS,
    DeployDraft,
)
from bot.domain.request.parsed_draft import ParsedDraft
from bot.messages.markup import money

NO_INSTANCE = "Choose an instance to see what it costs."
UNLISTED_INSTANCE = "This bot knows no price for that instance."

_MOST_REPLICAS = 9_999  # past this a number was not meant, and the sum would only puzzle


def cost_line(draft: DeployDraft, prices: Prices) -> str:
    """Say, as mrkdwn, what a draft would cost as far as it is filled in.

    A replica is billed from the end of its initialization until it shuts down.
    """
    parsed = ParsedDraft(draft, ())
    if isinstance(parsed.instance, UnlistedInstance):
        return UNLISTED_INSTANCE
    if not isinstance(parsed.instance, InstanceOption):
        return NO_INSTANCE
    each = prices.per_hour(parsed.instance)
    per_replica = f"{money(each)} per replica, billed from the moment it serves"
    if draft.effective_scaling == "friendli":
        return f"{per_replica} \N{MIDDLE DOT} how many there are is for Friendli to decide"
    bounds = _bounds(parsed)
    if bounds is None:
        return per_replica
    least, most = bounds
    asleep = f" \N{MIDDLE DOT} {money(each * 0)} while it sleeps" if least == 0 else ""
    awake = "" if draft.effective_scaling == "auto" else " \N{MIDDLE DOT} never sleeps"
    if least == most == 1:
        return f"*{money(each)}*, billed from the moment it serves{awake}"
    if least == most:
        return (
            f"*{money(each * most)}* for {most} replicas, each billed from the moment it"
            f" serves{awake}"
        )
    if most == 1:
        return f"*{money(each)}*, billed from the moment it serves{asleep}"
    total = (
        f"Up to {money(each * most)}"
        if least == 0
        else f"{money(each * least)} to {money(each * most)}"
    )
    return f"*{total}*: {per_replica}{asleep}"


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
