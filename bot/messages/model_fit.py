"""Whether a request's model fits: one line, and the arithmetic behind it."""

from datetime import datetime

from bot.domain.fit import (
    BEST_SHARE,
    CHUNK_TOKENS,
    GB,
    GPU_MEMORY,
    SAFE_SHARE,
    Fit,
    FitResult,
    Workload,
)
from bot.domain.fit_history import FitVerdict
from bot.domain.instances import InstanceOption
from bot.domain.model_facts import ModelFacts
from bot.domain.model_fit import RequestFit
from bot.messages.blocks import Block, button, context, plain, section
from bot.messages.fit_history import evidence_words
from bot.messages.markup import escape, money
from bot.messages.model_words import bytes_text, facts_text, fit_text, tokens_text

WHY_ACTION = "fit.why"
_TITLE = "Does it fit?"
_ESTIMATE = (
    "Friendli doesn't publish what its engine keeps for itself, so this is an estimate: from"
    " the safe share of a GPU to the best one, an answer is “tight”. You can deploy it either way."
)


def verdict_text(
    verdict: FitVerdict, option: InstanceOption, load: Workload, present: datetime | None
) -> str:
    """What was seen, such as "served on this GPU 3 times", else what was computed; plain."""
    if verdict.evidence is not None and present is not None:
        return evidence_words(verdict.evidence, option, present)
    return fit_text(verdict.computed, load) if verdict.computed is not None else "fit unknown"


def fit_line(fit: RequestFit, present: datetime | None = None) -> str:
    """Such as "Fits, room for 31 requests at 8k."; mrkdwn."""
    words = verdict_text(fit.verdict, fit.option, fit.load, present)
    line = f"{words[0].upper()}{words[1:]}."
    if fit.verdict.fit is Fit.FITS or fit.cheapest is None or fit.cheapest == fit.option:
        return line
    cheapest = escape(fit.cheapest.label)
    price = f", {money(fit.cheapest_price)}" if fit.cheapest_price is not None else ""
    return f"\N{WARNING SIGN} {line} Cheapest that fits: {cheapest}{price}."


def why_button(value: str) -> Block:
    return button("Why?", WHY_ACTION, value=value)


def fit_block(fit: RequestFit, value: str, present: datetime | None = None) -> Block:
    """The line, with a button that shows its arithmetic."""
    return section(fit_line(fit, present), accessory=why_button(value))


def why_view(
    facts: ModelFacts, fit: RequestFit, present: datetime | None = None
) -> dict[str, object]:
    """The modal with the arithmetic."""
    answer, load = fit.answer, fit.load
    lines = _per_gpu(fit) if answer.usable and load.weights is not None else []
    return message_view(
        section(f"{escape(facts.repo)} on {escape(fit.option.label)}: {fit_line(fit, present)}"),
        *([section("\n".join(lines))] if lines else []),
        *(
            [section(f"Memory per request is unknown: {escape(facts.cache_unknown)}.")]
            if facts.cache_unknown
            else []
        ),
        context(escape(facts_text(facts)) or "Nothing is known of its weights."),
        context(_ESTIMATE),
    )


def message_view(*blocks: Block) -> dict[str, object]:
    return {
        "type": "modal",
        "title": plain(_TITLE),
        "close": plain("Close"),
        "blocks": list(blocks),
    }


def _per_gpu(fit: RequestFit) -> list[str]:
    answer, load = fit.answer, fit.load
    memory = GPU_MEMORY[fit.option.gpu.memory_gb]
    loaded = f"{bytes_text(load.weights)} as they load" if load.weights is not None else ""
    split = f", over {answer.split} GPUs" if answer.split > 1 else ""
    lines = [
        "*On each GPU*",
        f"Usable: {_exact(answer.usable)} ({SAFE_SHARE:.0%} of {bytes_text(memory.label)})",
        f"At best: {_exact(answer.usable_at_best)} ({BEST_SHARE:.0%} of {_exact(memory.real)})",
        f"Weights: {_exact(answer.weights)} ({loaded}{split})",
        f"Processing {tokens_text(CHUNK_TOKENS)} of prompt at a time: {_exact(answer.activations)}",
        f"Engine's reserve: {_exact(answer.reserve)} (CUDA context and graphs)",
    ]
    left = answer.usable - answer.weights - answer.activations - answer.reserve
    lines.append(
        f"*Left for requests: {_exact(left)}*" if left >= 0 else f"*Too much by {_exact(-left)}*"
    )
    if load.cache is not None:
        lines += _requests(answer, load, left)
    return lines


def _requests(answer: FitResult, load: Workload, left: int) -> list[str]:
    if not answer.request or load.cache is None:
        return ["It keeps no KV cache."]
    per_token = load.cache.bytes_per_token / 1024
    cache = f"KV cache of {per_token:,.0f} KiB per token over all layers and GPUs"
    lines = [f"One request at {tokens_text(load.context)}: {_exact(answer.request)} ({cache})"]
    if left > 0:
        lines.append(
            f"Room: {_exact(left)} ÷ {_exact(answer.request)} = {answer.room:,} requests at"
            f" once, {load.batch:,} needed"
        )
    if answer.missing:
        lines.append(f"Missing at best: {bytes_text(answer.missing)} over all GPUs")
    return lines


def _exact(number: int) -> str:
    """GB with one digit, or two below 1."""
    value = number / GB
    return f"{value:,.1f} GB" if abs(value) >= 1 else f"{value:.2f} GB"
