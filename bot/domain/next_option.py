"""The instance option to try after one whose memory or disk was too small."""

from collections.abc import Callable

from bot.domain.fit import Fit
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, Prices, next_larger

_GOOD = (Fit.FITS, Fit.TIGHT)


def next_option(
    failed: InstanceOption, fits: Callable[[InstanceOption], Fit], prices: Prices
) -> InstanceOption | None:
    """The cheapest larger option that fits, else that is tight, else the next larger.

    None if all larger ones are too small too, or there is none.
    """
    larger = [one for one in INSTANCE_OPTIONS if one.memory_gb > failed.memory_gb]
    answers = {one.id: fits(one) for one in larger}
    for good in _GOOD:
        found = [one for one in larger if answers[one.id] is good]
        if found:
            return min(found, key=lambda one: (prices.per_hour(one), one.memory_gb))
    possible = next_larger(failed)
    while possible is not None and answers[possible.id] is Fit.TOO_SMALL:
        possible = next_larger(possible)
    return possible
