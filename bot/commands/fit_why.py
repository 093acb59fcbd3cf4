"""The button that shows why a model fits, or doesn't."""

from bot.commands.bare_model import as_shown
from bot.commands.deployment_access import DeploymentAccess
from bot.commands.model_lookup import HASTY_SECONDS, ModelLookup
from bot.commands.registry import Feature, deferred
from bot.domain.errors import UserError
from bot.domain.instances import Prices
from bot.domain.model_facts import ModelFacts
from bot.domain.model_fit import fit_of_request
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rules import check
from bot.messages.model_fit import WHY_ACTION, why_view
from bot.services.model_history import ModelHistory
from bot.slack.modals import Modals
from bot.slack.requests import BlockAction

_NOT_KNOWN = "The Hugging Face Hub isn't answering, so there is no arithmetic to show."


@deferred
async def why(
    click: BlockAction,
    access: DeploymentAccess,
    models: ModelLookup,
    modals: Modals,
    prices: Prices,
    history: ModelHistory,
) -> None:
    """Open the arithmetic of a preview, whose draft the button has, or of a thread."""
    if click.value.startswith("{"):
        draft = DeployDraft.from_json(click.value)
        checked = await models.check(draft, within=HASTY_SECONDS)
        facts = checked if isinstance(checked, ModelFacts) else None
        request = _request(draft)
    else:
        deployment = await access.find(click, click.value)
        stored = deployment.model_facts
        facts = ModelFacts.model_validate(stored) if stored is not None else None
        request = None if deployment.spec else DeployRequest.model_validate(deployment.request)
    if facts is None or request is None:
        raise UserError(_NOT_KNOWN)
    seen = await history.of(click.place, request.model, None)
    fit = fit_of_request(facts, request, prices, seen.observations)
    if fit is None:
        raise UserError(_NOT_KNOWN)
    await modals.open(click.trigger_id, why_view(facts, fit, seen.present))


def _request(draft: DeployDraft) -> DeployRequest | None:
    target = draft.target or "any"
    request = check(
        draft, targets=[target], default_target=target, known_models=as_shown(draft.model)
    )
    return request if isinstance(request, DeployRequest) else None


FEATURE = Feature(clicks={WHY_ACTION: why})
