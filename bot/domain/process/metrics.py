"""Every metric. Label values are a few fixed words, never names, ids or prices."""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

# `_created` samples would double the size of a scrape.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own gap

REGISTRY = CollectorRegistry()
"""The counters of this process."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as documented."""

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    labels: tuple[str, ...]

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        return Gauge(self.name, self.meaning, self.labels, registry=registry)


METRICS: list[Metric] = []
"""All of them, filled during the import of this module."""


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    full = f"friendli_deploy_{name}"
    METRICS.append(Metric(f"{full}_total", "counter", meaning, labels))
    return Counter(full, meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    METRICS.append(metric := Metric(f"friendli_deploy_{name}", "gauge", meaning, labels))
    return metric


SLACK_CALLS = _counter("slack_calls", "Calls of Slack's Web API, by result.", "outcome")
FRIENDLI_REQUESTS = _counter(
    "friendli_requests",
    "Requests to Friendli's API, each attempt, by result.",
    "operation",
    "outcome",
)
POLLS = _counter("polls", "Polls of projects: ok, or why one failed.", "outcome")
CREATES = _counter(
    "creates",
    "Create requests, by outcome: created, refused, rate_limited, outcome_unknown, not_sent.",
    "outcome",
)
MESSAGES = _counter(
    "messages", "Messages to Slack: posted, edited, or why an attempt failed.", "outcome"
)
DEFECTS = _counter(
    "defects", "Failures of the bot itself, each in the log with a reference.", "part"
)
DATABASE_ERRORS = _counter(
    "database_errors",
    "Database errors that pass by themselves, such as a restart or a lost connection.",
    "part",
)
SLACK_UP = _gauge("slack_up", "Whether Slack answers this replica and accepts its token.")
DATABASE_UP = _gauge("database_up", "Whether the database answers.")
FRIENDLI_UP = _gauge(
    "friendli_up", "Whether Friendli answers: 0 if no poll has succeeded for UNREADY_AFTER."
)
WATCHED_PROJECTS = _gauge(
    "watched_projects", "Projects that are polled: ok, or the failure that was reported.", "state"
)
ENDPOINTS = _gauge(
    "endpoints",
    "Watched endpoints by Friendli's status; other if the bot doesn't know it.",
    "status",
)
ROWS_DUE = _gauge("rows_due", "Rows that wait for a worker to claim them.", "worker")
OLDEST_OVERDUE = _gauge(
    "oldest_overdue_seconds", "How long the row that waits longest has been due.", "worker"
)
REPLICAS = _gauge("replicas", "Live replicas by role.", "role")


def status_class(status: int) -> str:
    """Such as "2xx"; "other" for anything else."""
    return f"{status // 100}xx" if 100 <= status < 600 else "other"
