"""Where a checked model fits, with the settings of a request: as seen before, else as computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.fit import Fit, FitResult, Workload, fit_of
from bot.domain.fit_history import EngineSettings, FitObservation, FitVerdict, judge
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, Prices
from bot.domain.model_facts import ModelFacts
from bot.domain.request.deploy_request import DeployRequest


@dataclass(frozen=True, slots=True)
class RequestFit:
    """Whether a request's model fits its instance option, and the cheapest one that it fits.

    Attributes:
        answer: As computed.
        cheapest_price: Dollars per hour of one replica.
    """

    option: InstanceOption
    load: Workload
    answer: FitResult
    verdict: FitVerdict
    cheapest: InstanceOption | None
    cheapest_price: Decimal | None


def verdict_on(
    option: InstanceOption,
    load: Workload,
    observations: Sequence[FitObservation],
    commit: str,
    settings: EngineSettings,
) -> FitVerdict:
    computed = fit_of(load, option)
    if not observations:
        return FitVerdict(computed.fit, computed, None)
    return judge(computed, observations, option=option, revision=commit, settings=settings)


def cheapest_of(options: Sequence[InstanceOption], prices: Prices) -> InstanceOption | None:
    """Of equal ones the first in the table."""
    return min(options, key=prices.per_hour, default=None)


def fit_of_request(
    facts: ModelFacts | None,
    request: DeployRequest,
    prices: Prices,
    observations: Sequence[FitObservation] = (),
) -> RequestFit | None:
    """None for a model that isn't checked or can't be served, and an unlisted instance option."""
    option = request.option
    if facts is None or facts.blocked is not None or not isinstance(option, InstanceOption):
        return None
    tokens = request.max_context_length or request.max_input_length
    load, settings = facts.workload(tokens, request.max_batch_size), request.engine_settings
    verdicts = {
        each.key: verdict_on(each, load, observations, facts.commit, settings)
        for each in INSTANCE_OPTIONS
    }
    fitting = [each for each in INSTANCE_OPTIONS if verdicts[each.key].fit is Fit.FITS]
    cheapest = cheapest_of(fitting, prices)
    price = prices.per_hour(cheapest) if cheapest is not None else None
    return RequestFit(option, load, fit_of(load, option), verdicts[option.key], cheapest, price)
