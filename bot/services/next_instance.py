"""The instance option to try after one whose memory or disk was too small."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Deployment
from bot.domain.deployment_view import DeploymentView, LargerInstance
from bot.domain.fit import Fit, fit_of
from bot.domain.fit_history import judge
from bot.domain.instances import InstanceOption, Prices
from bot.domain.model_facts import ModelFacts
from bot.domain.next_option import next_option
from bot.domain.schemas import InferenceDeploymentErrorCode as Code
from bot.services import fit_records
from bot.services.version_history import version_of

_TOO_SMALL = {Code.INFERENCE_ENGINE_MEMORY_ERROR, Code.WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR}


async def with_larger_instance(
    session: AsyncSession, deployment: Deployment, view: DeploymentView, prices: Prices
) -> DeploymentView:
    """The view with the option that fits by what was seen or computed, if one was too small."""
    if deployment.error_code not in _TOO_SMALL:
        return view
    version = version_of(deployment)
    request, option = version.request, version.option
    if not isinstance(option, InstanceOption):
        return view
    seen = await fit_records.observations(session, deployment, request.model)
    facts = _facts(deployment, request.model)
    settings = request.engine_settings

    def fits(larger: InstanceOption) -> Fit:
        computed = None
        if facts is not None:
            context = settings.max_context_length or settings.max_input_length
            computed = fit_of(facts.workload(context, settings.max_batch_size), larger)
        return judge(
            computed, seen, option=larger, revision=request.revision, settings=settings
        ).fit

    chosen = next_option(option, fits, prices)
    larger = None if chosen is None else priced(chosen, view.setup.least, prices)
    weights = facts.weights if facts is not None else None
    setup = replace(view.setup, larger=larger, weights=weights, memory_gb=option.memory_gb)
    return replace(view, setup=setup)


def _facts(deployment: Deployment, model: str) -> ModelFacts | None:
    """What the Hub said of the model, unless an update has changed it since."""
    if deployment.model_facts is None:
        return None
    facts = ModelFacts.model_validate(deployment.model_facts)
    return facts if facts.repo == model else None


def priced(option: InstanceOption, least: int | None, prices: Prices) -> LargerInstance:
    return LargerInstance(option.key, option.label, prices.per_hour(option) * max(1, least or 0))
