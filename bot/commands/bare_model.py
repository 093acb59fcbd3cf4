"""Models without an organisation, such as "gpt2": valid if the Hugging Face Hub has them."""

from dataclasses import dataclass

from bot.domain.request.hub_names import is_bare_name, read_model
from bot.hub.known_models import KnownModels
from bot.messages.markup import code


@dataclass(frozen=True, slots=True)
class BareModel:
    """The Hub's answer about a model's name.

    Attributes:
        known: The name, if it is valid.
        unchecked: That the Hub couldn't be asked, as mrkdwn; '' otherwise.
    """

    known: frozenset[str] = frozenset()
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class BareModels:
    """Asks the Hub about models without an organisation."""

    known_models: KnownModels

    async def look_up(self, typed: str | None) -> BareModel:
        name = read_model(typed or "").repo or ""
        if not is_bare_name(name):
            return BareModel()
        match await self.known_models.has(name):
            case True:
                return BareModel(frozenset({name}))
            case False:
                return BareModel()
            case None:
                return BareModel(
                    frozenset({name}),
                    f"{code(name)} isn't checked: the Hugging Face Hub isn't answering.",
                )

    async def is_model(self, word: str, *, has_options: bool, resembles_command: bool) -> bool:
        """Whether a first word that is no command is a model."""
        if not is_bare_name(word):
            return False
        found = await self.known_models.has(word)
        # Where the Hub can't be asked: a mistyped command must not be deployed.
        return has_options and not resembles_command if found is None else found


def as_shown(model: str | None) -> frozenset[str]:
    """The valid bare names of a request that was shown: it was looked up before."""
    return frozenset({model} if model and is_bare_name(model) else ())
