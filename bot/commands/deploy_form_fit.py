"""Whether the deploy form's model fits each instance option: as seen here before, else computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.fit import Fit, Workload
from bot.domain.fit_history import EngineSettings, FitVerdict
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, Prices
from bot.domain.model_facts import CheckedModel, ModelFacts
from bot.domain.model_fit import cheapest_of, verdict_on
from bot.domain.request.draft import DeployDraft
from bot.domain.request.parsed_draft import ParsedDraft
from bot.messages.model_fit import verdict_text
from bot.messages.model_words import tokens_text
from bot.services.model_history import SeenBefore


@dataclass(frozen=True, slots=True)
class Answers:
    """Whether the model fits each instance option.

    Attributes:
        cheapest: Of those that it fits; None if there is none.
        present: By the database's clock; None where nothing was looked up.
    """

    load: Workload
    by_key: Mapping[str, FitVerdict]
    cheapest: InstanceOption | None
    present: datetime | None

    def words(self, choice: InstanceOption) -> str:
        return verdict_text(self.by_key[choice.key], choice, self.load, self.present)

    @property
    def hint(self) -> str:
        if self.cheapest is not None:
            return f"{self.cheapest.label} is the cheapest that fits."
        fits = {verdict.fit for verdict in self.by_key.values()}
        if fits == {Fit.UNKNOWN} or (Fit.UNKNOWN in fits and Fit.TIGHT not in fits):
            return "Whether the model fits is unknown."
        at = tokens_text(self.load.context)
        if Fit.TIGHT in fits:
            return f"No instance fits it for sure at {at}; tight ones may."
        return f"No instance fits it at {at}."


def answers(
    draft: DeployDraft,
    checked: CheckedModel | None,
    prices: Prices,
    seen: SeenBefore | None,
) -> Answers | None:
    """None before the model is checked, and for one that can't be served."""
    if not isinstance(checked, ModelFacts) or checked.blocked is not None:
        return None
    settings = _settings(draft)
    tokens = settings.max_context_length or settings.max_input_length
    load = checked.workload(tokens, settings.max_batch_size)
    observations = seen.observations if seen is not None else ()
    by_key = {
        choice.key: verdict_on(choice, load, observations, checked.commit, settings)
        for choice in INSTANCE_OPTIONS
    }
    fitting = [choice for choice in INSTANCE_OPTIONS if by_key[choice.key].fit is Fit.FITS]
    present = seen.present if seen is not None else None
    return Answers(load, by_key, cheapest_of(fitting, prices), present)


def _settings(draft: DeployDraft) -> EngineSettings:
    parsed = ParsedDraft(draft, ())

    def number(field: str) -> int | None:
        typed = parsed.whole(field)
        return typed if typed is not None and typed > 0 else None

    return EngineSettings(
        number("max_batch_size"),
        number("max_input_length"),
        number("max_context_length"),
        number("max_token_count"),
    )
