"""What `status`, its shortcut, `list` and the Home tab say of an endpoint in the same words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.domain.deployment_state import CLOSED
from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationKind
from bot.domain.spend import Spend
from bot.domain.statuses import ENDED
from bot.messages.cost import cost
from bot.messages.markup import duration, mention, moment
from bot.messages.status_message import ends


@dataclass(frozen=True, slots=True)
class NextSchedule:
    """The schedule of an endpoint that comes next."""

    kind: OperationKind
    at: datetime


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """A deployment with what it cost so far and what is scheduled.

    Attributes:
        next_schedule: None if nothing is.
    """

    deployment: DeploymentView
    spend: Spend
    next_schedule: NextSchedule | None


def facts_line(facts: EndpointFacts) -> str:
    """Owner, lifetime, cost so far and the next schedule, as mrkdwn."""
    return " · ".join(_facts(facts))


def _facts(facts: EndpointFacts) -> Iterator[str]:
    deployment = facts.deployment
    verb = "followed" if deployment.is_imported else "requested"
    yield f"{verb} by {mention(deployment.requester_id)}"
    yield from _lifetime(deployment)
    so_far = cost(deployment, facts.spend)
    if so_far:
        yield so_far
    planned = facts.next_schedule
    if planned is not None:
        yield f"next: {planned.kind} {moment(planned.at)}"


def _lifetime(deployment: DeploymentView) -> list[str]:
    state = deployment.endpoint_state
    is_over = state is not None and state.status in ENDED
    if deployment.state in CLOSED or is_over:
        return []
    if deployment.lifetime_seconds is None:
        return ["no lifetime"]
    return ends(deployment) or [f"{duration(deployment.lifetime_seconds)} lifetime"]
