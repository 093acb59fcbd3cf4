"""Where a checked model fits, with the settings of a request."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.fit import Fit, FitResult, Workload, fit_of
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, Prices
from bot.domain.model_facts import ModelFacts
from bot.domain.request.deploy_request import DeployRequest


@dataclass(frozen=True, slots=True)
class RequestFit:
    """Whether a request's model fits its instance option, and the cheapest one that it fits.

    Attributes:
        cheapest_price: Dollars per hour of one replica.
    """

    option: InstanceOption
    load: Workload
    answer: FitResult
    cheapest: InstanceOption | None
    cheapest_price: Decimal | None


def cheapest_that_fits(load: Workload, prices: Prices) -> InstanceOption | None:
    """Of equal ones the first in the table."""
    fitting = [each for each in INSTANCE_OPTIONS if fit_of(load, each).fit is Fit.FITS]
    return min(fitting, key=prices.per_hour, default=None)


def fit_of_request(
    facts: ModelFacts | None, request: DeployRequest, prices: Prices
) -> RequestFit | None:
    """None for a model that isn't checked or can't be served, and an unlisted instance option."""
    option = request.option
    if facts is None or facts.blocked is not None or not isinstance(option, InstanceOption):
        return None
    tokens = request.max_context_length or request.max_input_length
    load = facts.workload(tokens, request.max_batch_size)
    cheapest = cheapest_that_fits(load, prices)
    price = prices.per_hour(cheapest) if cheapest is not None else None
    return RequestFit(option, load, fit_of(load, option), cheapest, price)
