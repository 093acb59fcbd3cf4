"""A target's settings in words, and their changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.grants import Subject
from bot.domain.policy import Approval, DefaultScaling, ExpiryAction, NotificationLevel, Policy
from bot.messages.markup import duration, money, who

APPROVALS: Mapping[Approval, str] = {
    Approval.NEVER: "No approval needed",
    Approval.ALWAYS: "Every request needs approval",
    Approval.ABOVE: "Requests above a price need approval",
}
EXPIRY_ACTIONS: Mapping[ExpiryAction, str] = {
    ExpiryAction.TERMINATE: "Terminate",
    ExpiryAction.SLEEP: "Sleep; any request wakes it",
}
SCALINGS: Mapping[DefaultScaling, str] = {
    DefaultScaling.AUTO: "Autoscaling, 0–1 replicas: sleeps when idle",
    DefaultScaling.FIXED: "One fixed replica: never sleeps",
    DefaultScaling.FRIENDLI: "Friendli's default",
}
NOTIFICATION_LEVELS: Mapping[NotificationLevel, str] = {
    NotificationLevel.EVERYTHING: "Everything in the thread",
    NotificationLevel.READY_AND_FAILED: "Endpoints that go live or fail",
    NotificationLevel.FAILED: "Only failures",
}


_SCALING_WORDS: Mapping[DefaultScaling, str] = {
    DefaultScaling.AUTO: "autoscaling, 0–1 replicas",
    DefaultScaling.FIXED: "one fixed replica",
    DefaultScaling.FRIENDLI: "Friendli's default",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A changed setting, as mrkdwn."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} → {self.after}"


def changes(before: Policy, after: Policy) -> Sequence[Change]:
    old, new = _words(before), _words(after)
    return [Change(what, old[what], new[what]) for what in old if old[what] != new[what]]


def _words(policy: Policy) -> dict[str, str]:
    approval = {
        Approval.NEVER: "never",
        Approval.ALWAYS: "always",
        Approval.ABOVE: f"above {money(policy.approval_above)}",
    }
    hours = policy.lifetime_hours
    return {
        "approval": approval[policy.approval],
        "own requests": "can be approved" if policy.requester_may_approve else "can't be approved",
        "approval timeout": _hours(policy.approval_hours),
        "lifetime": "none" if hours is None else _hours(hours),
        "when it expires": "terminate"
        if policy.expiry_action is ExpiryAction.TERMINATE
        else "sleep",
        "default scaling": _SCALING_WORDS[policy.scaling],
        "channel notifications": NOTIFICATION_LEVELS[policy.notification_level].lower(),
        "test request at a start": "sent" if policy.smoke_test else "not sent",
        "people from other organisations": "can act" if policy.guests_may_act else "look only",
    }


def _hours(hours: int) -> str:
    return duration(timedelta(hours=hours).total_seconds())


def whom(subjects: Sequence[Subject]) -> str:
    return ", ".join(who(subject) for subject in subjects)
