"""The rules about when an endpoint's queue takes no more: a metric and its threshold."""

import re
from difflib import get_close_matches

from bot.deployments.request.reading import Reading
from bot.deployments.request.rule import Mend, Rule, listed
from bot.friendli.schemas import QueueBackpressureMetricKind

METRICS = tuple(metric.value for metric in QueueBackpressureMetricKind)
NO_BACKPRESSURE: Mend = {"queue_backpressure_metric": None, "queue_backpressure_threshold": None}


def _nearest_metric(reading: Reading) -> str | None:
    typed = re.sub(r"[\s-]+", "_", reading.text("queue_backpressure_metric")).upper()
    close = get_close_matches(typed, METRICS, n=1, cutoff=0.4)
    return close[0] if close else None


def _mended_metric(reading: Reading) -> Mend:
    nearest = _nearest_metric(reading)
    return {"queue_backpressure_metric": nearest} if nearest else NO_BACKPRESSURE


def _mended_threshold(reading: Reading) -> Mend:
    typed = reading.text("queue_backpressure_threshold")
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
        f"No backpressure metric is called {{given}}. There are {listed(METRICS)}.",
        lambda reading: bool(reading.text("queue_backpressure_metric")) and reading.metric is None,
        _nearest_metric,
        _mended_metric,
    ),
    Rule(
        "queue_backpressure_metric",
        "needed with a threshold",
        {"queue_backpressure_threshold": "500"},
        "A backpressure threshold needs a metric to go with it, such as `TTFT_MS`.",
        lambda reading: (
            not reading.text("queue_backpressure_metric")
            and bool(reading.text("queue_backpressure_threshold"))
        ),
        mend=lambda _: NO_BACKPRESSURE,
    ),
    Rule(
        "queue_backpressure_threshold",
        "needed with a metric",
        {"queue_backpressure_metric": "TTFT_MS"},
        "The backpressure metric {metric} needs a threshold to go with it, such as 500.",
        lambda reading: (
            reading.metric is not None and not reading.text("queue_backpressure_threshold")
        ),
        mend=lambda _: NO_BACKPRESSURE,
    ),
    Rule(
        "queue_backpressure_threshold",
        "a number in digits, with a dot for decimals",
        {"queue_backpressure_metric": "TTFT_MS", "queue_backpressure_threshold": "0,8"},
        "Backpressure threshold must be a number, such as 500 or 0.8. You wrote {given}.",
        lambda reading: (
            bool(reading.text("queue_backpressure_threshold")) and reading.threshold is None
        ),
        mend=_mended_threshold,
    ),
    Rule(
        "queue_backpressure_threshold",
        "more than 0",
        {"queue_backpressure_metric": "TTFT_MS", "queue_backpressure_threshold": "0"},
        "Backpressure threshold must be more than 0.",
        lambda reading: reading.threshold == 0,
        mend=lambda _: NO_BACKPRESSURE,
    ),
)
