"""Check the model of a draft on the Hub, and what follows for a deployment."""

from dataclasses import dataclass

from bot.domain.model_facts import CheckedModel, MissingModel, ModelFacts, NotChecked
from bot.domain.preflight import missing
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.hub_names import is_bare_name, repo_fault, revision_fault
from bot.domain.request.parsed_draft import ParsedDraft
from bot.hub.model_checks import ModelChecks
from bot.messages.markup import code, escape

# In the form, whose check follows when it is there.
PATIENT_SECONDS = 8.0
# Before the acknowledgement, for which Slack waits three seconds.
HASTY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ModelLookup:
    """Checks models."""

    checks: ModelChecks

    def cached(self, draft: DeployDraft) -> CheckedModel | None:
        """What is known without asking the Hub."""
        named = model_of(draft)
        return None if named is None else self.checks.cached(*named)

    async def check(self, draft: DeployDraft, *, within: float) -> CheckedModel | None:
        """None if the draft names no valid model or revision."""
        named = model_of(draft)
        return None if named is None else await self.checks.check(*named, within=within)


def model_of(draft: DeployDraft) -> tuple[str, str | None] | None:
    """Repo and revision of a draft; None if one of them is missing or not valid."""
    parsed = ParsedDraft(draft, ())
    repo = parsed.model.repo or ""
    revision = parsed.text("revision") or None
    if repo_fault(repo) is not None and not is_bare_name(repo):
        return None
    if revision is not None and revision_fault(revision) is not None:
        return None
    return repo, revision


def stopped(checked: CheckedModel | None) -> tuple[str, str] | None:
    """The draft's field that keeps a model from being served, and why; None if none does."""
    match checked:
        case ModelFacts(blocked=str(why)):
            return "model", why
        case MissingModel():
            return checked.part.value, missing(checked)
        case _:
            return None


def facts_in(checked: CheckedModel | None) -> ModelFacts | None:
    return checked if isinstance(checked, ModelFacts) else None


def not_checked(model: str, checked: CheckedModel | None) -> str:
    """That nobody could check a model, as mrkdwn; '' if it was checked."""
    if not isinstance(checked, NotChecked):
        return ""
    return f"{code(model)} is not checked: {escape(checked.why)}."


def at_commit(
    request: DeployRequest, checked: CheckedModel | None, noted: str | None = None
) -> DeployRequest:
    """The request with its revision resolved to a commit: what was checked is what runs.

    Args:
        checked: The model's check.
        noted: The commit that a form has shown, which goes before what a branch is now.
    """
    commit = noted or (checked.commit if isinstance(checked, ModelFacts) else None)
    return request if commit is None else request.model_copy(update={"revision": commit})
