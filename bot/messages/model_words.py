"""What the Hub says about a model, and where it fits, in words."""

from collections.abc import Sequence

from bot.domain.fit import GB, Fit, FitResult, Workload
from bot.domain.instances import InstanceOption, Prices
from bot.domain.model_facts import (
    DEFAULT_BRANCH,
    CheckedModel,
    MissingModel,
    ModelFacts,
    NotChecked,
    is_commit,
)
from bot.domain.preflight import missing
from bot.messages.markup import code, escape, money

SHORT_COMMIT = 7
_DOT = " \N{MIDDLE DOT} "
_WARNING, _BLOCKED = "\N{WARNING SIGN}", "\N{BALLOT X}"


def count_text(number: int) -> str:
    """Such as "8.0 B" or "137 M"."""
    for unit, size in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= size * 0.9995:
            value = number / size
            return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
    return str(number)


def bytes_text(number: int) -> str:
    """Decimal GB, such as "16 GB" or "0.5 GB"."""
    value = number / GB
    return f"{value:,.0f} GB" if value >= 9.95 else f"{value:.1f} GB"


def tokens_text(tokens: int) -> str:
    """Such as "8k"; numbers that are no thousands as they are."""
    for thousand in (1024, 1000):
        if tokens >= thousand and tokens % thousand == 0:
            return f"{tokens // thousand:,}k"
    return f"{tokens:,} tokens" if tokens > 1 else "1 token"


def fit_text(answer: FitResult, load: Workload) -> str:
    """Such as "fits, room for 31 requests at 8k" or "too small by 22 GB"; plain."""
    match answer.fit:
        case Fit.TOO_SMALL:
            return f"too small by {bytes_text(answer.missing)}"
        case Fit.UNKNOWN:
            return "fit unknown"
        case Fit.TIGHT:
            return f"tight{_room(answer, load)}"
        case _:
            return f"fits{_room(answer, load)}"


def _room(answer: FitResult, load: Workload) -> str:
    if not answer.room or not answer.request:
        return ""
    requests = "request" if answer.room == 1 else "requests"
    return f", room for {answer.room:,} {requests} at {tokens_text(load.context)}"


def instance_text(option: InstanceOption, prices: Prices, fits: str) -> str:
    """An instance option in a menu, plain: with its memory where nobody knows what fits."""
    memory = "" if fits else f"{option.memory_gb} GB"
    parts = [option.label, memory, money(prices.per_hour(option)), fits]
    return _DOT.join(filter(None, parts))


def facts_text(facts: ModelFacts) -> str:
    """Such as "8.0 B parameters, 16 GB bf16 · 128k context"; plain; '' if nothing is known."""
    size = [f"{count_text(facts.parameters)} parameters"] if facts.parameters else []
    kind = facts.quantization or facts.dtype
    if facts.stored_bytes is not None:
        size.append(f"{bytes_text(facts.stored_bytes)} {kind}" if kind else "")
    parts = [", ".join(filter(None, size)), facts.architecture or ""]
    if facts.longest_context is not None:
        parts.append(f"{tokens_text(facts.longest_context)} context")
    return _DOT.join(filter(None, parts))


def revision_text(facts: ModelFacts, revision: str | None) -> str:
    """Such as "revision main = `0e9e39f`", as mrkdwn."""
    short = code(facts.commit[:SHORT_COMMIT])
    if revision is not None and is_commit(revision):
        return f"revision {short}"
    return f"revision {escape(revision or DEFAULT_BRANCH)} = {short}"


def named_model(repo: str, revision: str | None) -> str:
    """Such as "org/name@0e9e39f", as mrkdwn; the repo alone without a revision."""
    if revision is None:
        return escape(repo)
    return escape(f"{repo}@{revision[:SHORT_COMMIT] if is_commit(revision) else revision}")


def check_lines(checked: CheckedModel, revision: str = "") -> Sequence[str]:
    """The result of a check, as lines of mrkdwn, the first ending with a revision's text."""
    match checked:
        case ModelFacts():
            known = facts_text(checked)
            first = [_DOT.join(filter(None, (escape(known), revision)))]
            if checked.blocked is not None:
                return [
                    f"{_BLOCKED} Can't be served. {escape(checked.blocked)}",
                    *filter(None, first),
                ]
            warnings = [f"{_WARNING} {escape(words)}" for words in checked.warnings]
            return [*filter(None, first), *warnings]
        case MissingModel():
            return [f"{_BLOCKED} {escape(missing(checked))}"]
        case NotChecked():
            return [f"Not checked: {escape(checked.why)}."]
