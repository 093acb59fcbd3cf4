"""Models without an organisation, such as "gpt2": they pass when the Hugging Face Hub has them."""

from dataclasses import dataclass

from bot.commands.context import Services
from bot.domain.request.hub_names import is_bare_name, read_model
from bot.messages.markup import code


@dataclass(frozen=True, slots=True)
class BareModel:
    """What the Hub says of a model's name.

    Attributes:
        known: The name, if it may pass.
        unchecked: That the Hub couldn't be asked, as mrkdwn; '' if it was, or needn't be.
    """

    known: frozenset[str] = frozenset()
    unchecked: str = ""


async def look_up(services: Services, typed: str | None) -> BareModel:
    """Ask the Hub for a model whose name has no organisation; for others nothing is asked."""
    name = read_model(typed or "").repo or ""
    if not is_bare_name(name):
        return BareModel()
    match await services.known_models.has(name):
        case True:
            return BareModel(frozenset({name}))
        case False:
            return BareModel()
        case None:
            return BareModel(
                frozenset({name}),
                f"{code(name)} is not checked: the Hugging Face Hub can't be asked right now.",
            )


def as_shown(model: str | None) -> frozenset[str]:
    """The models that pass for a request that was shown: it was looked up for that."""
    return frozenset({model} if model and is_bare_name(model) else ())


async def is_model(
    services: Services, word: str, *, has_options: bool, resembles_command: bool
) -> bool:
    """Whether a first word that is no command is meant as a model.

    If the Hub can't be asked, a word passes only where options follow it and no command is like it:
    a command with a typo is told, and not deployed.
    """
    if not is_bare_name(word):
        return False
    found = await services.known_models.has(word)
    return has_options and not resembles_command if found is None else found
