"""A model that a channel deployed lately, and how that stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.deployment_state import BEFORE_LIVE, OVER, DeploymentState
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import SERVING, facts_of

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RecentModel:
    """The newest deployment of a model in a channel.

    Attributes:
        changed_at: When its endpoint last changed, else when it was requested.
        instance: Such as "2 × H100"; '' if unknown.
    """

    repo: str
    state: DeploymentState
    status: str | None
    changed_at: datetime
    instance: str

    def standing(self, now: datetime) -> str:
        """Such as "live", "asleep" or "failed yesterday"."""
        if self.state is DeploymentState.LIVE:
            if self.status == Status.FAILED:
                return f"failed {_ago(now - self.changed_at)}"
            if self.status in SERVING:
                return "live"
            if self.status == Status.SLEEPING:
                return "asleep"
            return facts_of(self.status).name if self.status else "starting"
        if self.state is DeploymentState.PROPOSED:
            return "waiting for approval"
        if self.state in BEFORE_LIVE:
            return "starting"
        if self.state in OVER - {DeploymentState.ENDED}:
            return f"not created {_ago(now - self.changed_at)}"
        return f"ended {_ago(now - self.changed_at)}"


def _ago(past: timedelta) -> str:
    if past < _HOUR:
        return f"{max(1, int(past / timedelta(minutes=1)))} min ago"
    if past < _DAY:
        return f"{int(past / _HOUR)} h ago"
    return "yesterday" if past < 2 * _DAY else f"{int(past / _DAY)} d ago"
