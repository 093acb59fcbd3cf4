"""What is counted for whoever runs the bot; every label is one of a few words of ours."""

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics

# When a counter began is of no use here, and doubles what is sent.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own gap

REGISTRY = CollectorRegistry()

SLACK_CALLS = Counter(
    "friendli_deploy_slack_calls",
    "Calls of Slack's Web API, by what became of them.",
    ["outcome"],
    registry=REGISTRY,
)
FRIENDLI_REQUESTS = Counter(
    "friendli_deploy_friendli_requests",
    "Requests to Friendli's API, each attempt, by what became of them.",
    ["operation", "outcome"],
    registry=REGISTRY,
)
POLLS = Counter(
    "friendli_deploy_polls",
    "Looks at watched projects: ok, or what stood in the way.",
    ["outcome"],
    registry=REGISTRY,
)
CREATES = Counter(
    "friendli_deploy_creates",
    "Create requests, by outcome: created, refused, rate_limited, outcome_unknown, never_sent.",
    ["outcome"],
    registry=REGISTRY,
)
MESSAGES = Counter(
    "friendli_deploy_messages",
    "Messages to Slack: posted, edited, or why an attempt failed.",
    ["outcome"],
    registry=REGISTRY,
)
DEFECTS = Counter(
    "friendli_deploy_defects",
    "Failures of the bot itself, each in the log under a reference.",
    ["part"],
    registry=REGISTRY,
)

DATABASE_ERRORS = Counter(
    "friendli_deploy_database_errors",
    "Database errors that pass by themselves, such as a restart or a lost connection.",
    ["part"],
    registry=REGISTRY,
)


def status_class(status: int) -> str:
    """Such as "2xx"; "other" for what is no HTTP status."""
    return f"{status // 100}xx" if 100 <= status < 600 else "other"
