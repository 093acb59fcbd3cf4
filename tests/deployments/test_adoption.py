"""Which listed endpoint is the one that a create request made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.deployments.creating.adoption import Sought, matches, new_ids
from bot.deployments.request.deploy_request import DeployRequest
from bot.friendli.schemas import AutoscalingPolicy, DedicatedEndpointSpec, DedicatedEndpointStatus

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
REQUEST = DeployRequest(
    target="prod",
    model="org/model",
    name="ours",
    instance_option_id="zfTutSiLn0Hq",
    replicas=2,
)
SPEC = DedicatedEndpointSpec(
    name="ours",
    gpu_type="NVIDIA H100",
    num_gpu=2,
    project_id="project",
    autoscaling_min=2,
    autoscaling_max=2,
    autoscaling_cooldown=300,
)
SOUGHT = Sought(REQUEST, ids_before=("old",), listed_at=NOON, answered_created_at=None)


def listed(**seconds_after_noon: float) -> dict[str, DedicatedEndpointStatus]:
    return {
        id_: DedicatedEndpointStatus(
            status="INITIALIZING", created_at=NOON + timedelta(seconds=seconds)
        )
        for id_, seconds in seconds_after_noon.items()
    }


def test_an_endpoint_that_was_there_before_is_not_ours() -> None:
    """What the project listed before the create request was made by someone else."""
    assert new_ids(SOUGHT, listed(old=1, new=1), ()) == ["new"]


def test_an_endpoint_of_another_deployment_is_not_ours() -> None:
    """An endpoint belongs to one deployment."""
    assert new_ids(SOUGHT, listed(new=1, theirs=1), ("theirs",)) == ["new"]


def test_an_endpoint_made_before_the_list_is_not_ours_give_or_take_the_clocks() -> None:
    """Five seconds are allowed for the API's own clocks, and no more."""
    assert new_ids(SOUGHT, listed(early=-5.1, just=-5, later=1), ()) == ["just", "later"]


def test_an_answer_names_the_moment_of_creation() -> None:
    """After a 200, only the endpoint with the answer's own createdAt is ours."""
    answered = replace(SOUGHT, answered_created_at=NOON + timedelta(seconds=3))
    assert new_ids(answered, listed(a=2.9, b=3, c=3.1), ()) == ["b"]


def test_an_answer_is_compared_as_precisely_as_it_was_kept() -> None:
    """Our database keeps milliseconds; the API may give microseconds."""
    answered = replace(SOUGHT, answered_created_at=NOON + timedelta(milliseconds=3))
    assert new_ids(answered, listed(ours=0.0037, other=0.0041), ()) == ["ours"]


def test_without_the_apis_clock_every_new_endpoint_may_be_ours() -> None:
    """An API that sends no Date header leaves the ids and the spec to decide."""
    assert new_ids(replace(SOUGHT, listed_at=None), listed(new=-3600), ()) == ["new"]


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Ours"},
        {"gpu_type": "NVIDIA H200"},
        {"num_gpu": 4},
        {"autoscaling_min": 1},
        {"autoscaling_max": 3},
    ],
    ids=lambda other: next(iter(other)),
)
def test_every_part_of_the_shape_counts(other: dict[str, object]) -> None:
    """Name, GPU, count and scaling are exactly as asked for, or it is a stranger's."""
    assert matches(REQUEST, SPEC)
    assert not matches(REQUEST, SPEC.model_copy(update=other))


def test_autoscaling_is_compared_by_its_bounds() -> None:
    """A policy shows as its least and its most replicas."""
    auto = REQUEST.model_copy(
        update={
            "replicas": None,
            "autoscaling": AutoscalingPolicy(min_replica=0, max_replica=3, cooldown_period=60),
        }
    )
    spec = SPEC.model_copy(update={"autoscaling_min": 0, "autoscaling_max": 3})
    assert matches(auto, spec)
    assert not matches(auto, SPEC)
