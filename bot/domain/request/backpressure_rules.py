"""The rules of queue backpressure: a metric and its threshold."""

import re
from difflib import get_close_matches

from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rule import Rule, SuggestFix, listed
from bot.domain.schemas import QueueBackpressureMetricKind

METRICS = tuple(metric.value for metric in QueueBackpressureMetricKind)
NO_BACKPRESSURE: SuggestFix = {
    "queue_backpressure_metric": None,
    "queue_backpressure_threshold": None,
}


def _nearest_metric(parsed: ParsedDraft) -> str | None:
    typed = re.sub(r"[\s-]+", "_", parsed.text("queue_backpressure_metric")).upper()
    close = get_close_matches(typed, METRICS, n=1, cutoff=0.4)
    return close[0] if close else None


def _suggested_metric(parsed: ParsedDraft) -> SuggestFix:
    nearest = _nearest_metric(parsed)
    return {"queue_backpressure_metric": nearest} if nearest else NO_BACKPRESSURE


def _suggested_threshold(parsed: ParsedDraft) -> SuggestFix:
    typed = parsed.text("queue_backpressure_threshold")
    thousands = re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", typed)
    number = re.search(r"[0-9]{1,9}(\.[0-9]{1,9})?", typed.replace(",", "" if thousands else "."))
    if number is None or not float(number[0]):
        return NO_BACKPRESSURE
    return {"queue_backpressure_threshold": number[0]}


BACKPRESSURE_RULES: tuple[Rule, ...] = (
    Rule(
        "queue_backpressure_metric",
        "one of the API's metrics",
        {"queue_backpressure_metric": "TTFT", "queue_backpressure_threshold": "500"},
        f"I don't know the backpressure metric {{given}}. Friendli has {listed(METRICS)}.",
        lambda parsed: bool(parsed.text("queue_backpressure_metric")) and parsed.metric is None,
        _nearest_metric,
        _suggested_metric,
    ),
    Rule(
        "queue_backpressure_metric",
        "needed with a threshold",
        {"queue_backpressure_threshold": "500"},
        "A backpressure threshold needs a metric, such as `TTFT_MS`.",
        lambda parsed: (
            not parsed.text("queue_backpressure_metric")
            and bool(parsed.text("queue_backpressure_threshold"))
        ),
        suggest_fix=lambda _: NO_BACKPRESSURE,
    ),
    Rule(
        "queue_backpressure_threshold",
        "needed with a metric",
        {"queue_backpressure_metric": "TTFT_MS"},
        "The backpressure metric {metric} needs a threshold, such as 500.",
        lambda parsed: (
            parsed.metric is not None and not parsed.text("queue_backpressure_threshold")
        ),
        suggest_fix=lambda _: NO_BACKPRESSURE,
    ),
    Rule(
        "queue_backpressure_threshold",
        "a number in digits, with a dot for decimals",
        {"queue_backpressure_metric": "TTFT_MS", "queue_backpressure_threshold": "0,8"},
        "Backpressure threshold must be a number, such as 500 or 0.8. You wrote {given}.",
        lambda parsed: (
            bool(parsed.text("queue_backpressure_threshold")) and parsed.threshold is None
        ),
        suggest_fix=_suggested_threshold,
    ),
    Rule(
        "queue_backpressure_threshold",
        "more than 0",
        {"queue_backpressure_metric": "TTFT_MS", "queue_backpressure_threshold": "0"},
        "Backpressure threshold must be more than 0.",
        lambda parsed: parsed.threshold == 0,
        suggest_fix=lambda _: NO_BACKPRESSURE,
    ),
)
