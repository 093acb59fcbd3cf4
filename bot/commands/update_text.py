"""The options of `update` and what they change."""

from bot.commands.deploy_line import DeployLine
from bot.commands.deploy_text import LineErrors, read_with
from bot.commands.registry import SLASH
from bot.domain.command_line import quote
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rule import FieldError
from bot.domain.update import next_version
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion

_AUTO = frozenset({"autoscale", "min-replicas", "max-replicas", "cooldown"})


def read(text: str, runs: RunningVersion) -> Version | LineErrors:
    """Parse what follows the endpoint.

    Args:
        text: Options as of a deployment; only what is named changes.
        runs: What the endpoint runs.
    """

    def meant(line: DeployLine) -> Version | tuple[FieldError, ...]:
        kept = [_KEPT[name] for name in _KEPT if name in line.spans]
        return (
            tuple(kept) if kept else next_version(runs.version, _merged(runs.version.draft(), line))
        )

    _, answer = read_with(text, meant, f"{SLASH} update {quote(runs.name)}")
    return answer


_KEPT = {
    "to": FieldError(
        "target",
        "An update can't change the target. Leave out `--to`.",
        suggest_fix={"target": None},
    ),
    "for": FieldError(
        "lifetime", "An update can't change the lifetime; `extend` can. Leave out `--for`."
    ),
    "yes": FieldError(
        "comment", "An update always needs a confirmation. Leave out `--yes`.", suggest_fix={}
    ),
}


def _merged(draft: DeployDraft, line: DeployLine) -> DeployDraft:
    typed = {
        name: value
        for name, value in line.draft
        if value is not None and name not in ("scaling", "target")
    }
    auto, fixed = not _AUTO.isdisjoint(line.spans), "replicas" in line.spans
    if auto and fixed:
        # Which one is meant isn't ours to say.
        typed["scaling"] = None
    elif line.draft.scaling is not None:
        typed["scaling"] = line.draft.scaling
    if "model" in typed and "revision" not in typed:
        # A revision is one of the model that it was set for.
        typed["revision"] = None
    return draft.model_copy(update=typed)
