"""Validation rules, and those that several fields share."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.characters import imitates_latin, is_hidden
from bot.domain.instances import UnknownInstanceError
from bot.domain.request.parsed_draft import LONGEST_WHOLE, ParsedDraft
from bot.domain.text import clip, quoted

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "target": "Target",
        "model": "Model",
        "name": "Endpoint name",
        "gpu": "Instance",
        "scaling": "Scaling",
        "replicas": "Replicas",
        "min_replicas": "Minimum replicas",
        "max_replicas": "Maximum replicas",
        "cooldown": "Cool-down",
        "lifetime": "Lifetime",
        "revision": "Revision",
        "comment": "Version comment",
        "max_batch_size": "Max batch size",
        "max_input_length": "Max input length",
        "max_token_count": "Max token count",
        "max_context_length": "Max context length",
        "skip_special_tokens": "Skip special tokens",
        "add_special_tokens": "Add special tokens",
        "content_logging": "Content logging",
        "queue_timeout_ms": "Queue time-out",
        "queue_backpressure_metric": "Backpressure metric",
        "queue_backpressure_threshold": "Backpressure threshold",
        "anyway": "Failed checks",
    }
)
"""Every field of a draft with its label, in the order of the form."""

SuggestFix = Mapping[str, str | None]
"""Field → the corrected value, or None to clear the field."""

_LONGEST_GIVEN = 60
_SCALING_OF = {
    "replicas": "fixed",
    "min_replicas": "auto",
    "max_replicas": "auto",
    "cooldown": "auto",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error in a draft.

    Attributes:
        words: What is wrong and what is valid: plain text, not escaped, with the given value
            between backticks.
    """

    field: str
    words: str
    nearest: str | None = None
    suggest_fix: SuggestFix | None = None

    @property
    def sentences(self) -> str:
        """The words, and the nearest choice if there is one."""
        return f"{self.words} Did you mean {quoted(self.nearest)}?" if self.nearest else self.words


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Attributes:
        bad: Fields that break the rule, on top of a valid draft.
        words: The message. `{given}` is the value and `{length}` its length; `{targets}`,
            `{minimum}` and `{metric}` depend on the rule.
        broken: Whether a draft breaks the rule, given that it keeps the field's earlier ones.
    """

    field: str
    valid: str
    bad: Mapping[str, str]
    words: str
    broken: Callable[[ParsedDraft], bool]
    nearest: Callable[[ParsedDraft], str | None] = lambda _: None
    suggest_fix: Callable[[ParsedDraft], SuggestFix | None] = lambda _: None

    def field_error(self, parsed: ParsedDraft) -> FieldError:
        given = parsed.text(self.field)
        if self.field == "gpu" and isinstance(parsed.instance, UnknownInstanceError):
            given = parsed.instance.given or given
        words = self.words.format(
            given=quoted(clip(given, _LONGEST_GIVEN)),
            length=len(given),
            targets=listed([quoted(name) for name in parsed.targets]),
            minimum=parsed.text("min_replicas"),
            metric=quoted(parsed.metric or ""),
        )
        return FieldError(self.field, words, self.nearest(parsed), self.suggest_fix(parsed))


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence: "a, b and c"; past five, the rest is counted."""
    shown = [*names[:5], f"{len(names) - 5} more"] if len(names) > 5 else list(names)
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def whole_number(
    field: str, *, low: int, high: int | None = None, example: str, unit: str = ""
) -> tuple[Rule, ...]:
    """The rules of a whole number; without `high` only its length is limited."""
    label = LABELS[field]
    valid = f"a whole number{unit}, {low} or more" + (f", at most {high}" if high else "")
    bounds = f"from {low} to {high}" if high else f"{low} or more"

    def typed(parsed: ParsedDraft) -> str:
        belongs_to = _SCALING_OF.get(field)
        # Numbers of the scaling that wasn't chosen don't matter.
        unused = belongs_to is not None and belongs_to != parsed.draft.effective_scaling
        return "" if unused else parsed.text(field)

    def digits(parsed: ParsedDraft) -> bool:
        return re.fullmatch(r"-?[0-9]+", typed(parsed)) is not None

    def out_of_range(parsed: ParsedDraft) -> bool:
        number = parsed.whole(field)
        if number is None:
            return high is not None and digits(parsed)
        return digits(parsed) and (number < low or (high is not None and number > high))

    def nearest_number(parsed: ParsedDraft) -> SuggestFix | None:
        joined = re.sub(r"(?<=[0-9])[,_'\s](?=[0-9])", "", typed(parsed))
        found = re.search(r"-?[0-9]+", joined)
        if found is None or len(found[0]) > LONGEST_WHOLE:
            return None
        return {field: str(max(low, min(int(found[0]), high or int(found[0]))))}

    rules = (
        Rule(
            field,
            valid,
            {field: "1,000"},
            f"{label} must be a whole number{unit} in digits only, such as {example}."
            " You wrote {given}.",
            lambda parsed: bool(typed(parsed)) and not digits(parsed),
            suggest_fix=nearest_number,
        ),
        Rule(
            field,
            valid,
            {field: str(low - 1 if high is None else high + 1)},
            f"{label} must be {bounds}. You wrote {{given}}.",
            out_of_range,
            suggest_fix=nearest_number,
        ),
    )
    if high is not None:
        return rules
    too_long = Rule(
        field,
        f"at most {LONGEST_WHOLE} digits",
        {field: "1" + "0" * LONGEST_WHOLE},
        f"{label} can have at most {LONGEST_WHOLE} digits. You wrote {{given}}.",
        lambda parsed: digits(parsed) and parsed.whole(field) is None,
    )
    return (*rules, too_long)


def one_line(field: str) -> Rule:
    def suggest_fix(parsed: ParsedDraft) -> SuggestFix:
        shown = re.sub(r"\s+", " ", parsed.text(field))
        return {field: "".join(c for c in shown if not is_hidden(c)).strip() or None}

    return Rule(
        field,
        "one line, no control, direction or zero-width characters",
        {field: "one\ntwo"},
        f"{LABELS[field]} has a line break or an invisible character. Write it on one line.",
        lambda parsed: any(map(is_hidden, parsed.text(field))),
        suggest_fix=suggest_fix,
    )


def one_script(field: str) -> Rule:
    """The rule that no word mixes Latin letters with look-alikes of another script."""
    return Rule(
        field,
        "no word of Latin letters and others that look like them",
        {field: "ll\N{CYRILLIC SMALL LETTER A}ma"},
        "{given} mixes Latin letters with look-alikes from another script. Write each word in one"
        " script.",
        lambda parsed: imitates_latin(parsed.text(field)),
    )


def no_longer_than(field: str, limit: int) -> Rule:
    return Rule(
        field,
        f"at most {limit} characters",
        {field: "x" * (limit + 1)},
        f"{LABELS[field]} is {{length}} characters long; the limit is {limit}.",
        lambda parsed: len(parsed.text(field)) > limit,
        suggest_fix=lambda parsed: {field: parsed.text(field)[:limit].rstrip()},
    )
