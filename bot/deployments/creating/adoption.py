"""Which of the endpoints that a project lists is the one a deployment made. Pure: no I/O.

Friendli's answer to a create request carries no endpoint id, and the answer may be lost. Ours is
an endpoint that wasn't there before, looks exactly like what was asked for, and belongs to no
other deployment.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.deployments.request.deploy_request import DeployRequest
from bot.friendli.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus

# HTTP dates are whole seconds, and the API's machines may differ a little among themselves.
_CLOCK_TOLERANCE = timedelta(seconds=5)
# Our database keeps moments in whole milliseconds.
_STORED_PRECISION = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Sought:
    """What is known of the endpoint that a create request made, or may have made.

    Attributes:
        request: What was asked for.
        ids_before: Endpoint ids that the project listed before the request was sent.
        listed_at: The API's clock at that time; None if it sent no Date header.
        answered_created_at: `createdAt` of the answer; None if there was none.
    """

    request: DeployRequest
    ids_before: Collection[str]
    listed_at: datetime | None
    answered_created_at: datetime | None


def new_ids(
    sought: Sought,
    listed: Mapping[str, DedicatedEndpointStatus],
    owned_by_others: Collection[str],
) -> list[str]:
    """Endpoint ids that may be ours by what the list tells; their specs decide.

    Only the API's clock is compared with the API's clock.
    """
    before = frozenset(sought.ids_before)
    others = frozenset(owned_by_others)
    return [
        id_
        for id_, status in listed.items()
        if id_ not in before and id_ not in others and _made_in_time(sought, status)
    ]


def _made_in_time(sought: Sought, status: DedicatedEndpointStatus) -> bool:
    if status.created_at is None:
        return True
    if sought.answered_created_at is not None:
        return abs(status.created_at - sought.answered_created_at) < _STORED_PRECISION
    return sought.listed_at is None or status.created_at >= sought.listed_at - _CLOCK_TOLERANCE


def matches(request: DeployRequest, spec: DedicatedEndpointSpec) -> bool:
    """Tell whether an endpoint's spec is exactly what was asked for."""
    option = request.option
    least, most = request.replica_bounds
    return (
        spec.name == request.name
        and option.gpu.matches(spec.gpu_type or "")
        and spec.num_gpu == option.count
        and (spec.autoscaling_min, spec.autoscaling_max) == (least, most)
    )
