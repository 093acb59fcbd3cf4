"""Which new endpoint is the one that a create request made, however the API words it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.matching import Candidate, MatchCriteria, OtherSearch, by_closeness, match, new_ids
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import AutoscalingPolicy, DedicatedEndpointSpec, DedicatedEndpointStatus
from bot.messages.match_candidates import differences

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
REQUEST = DeployRequest(
    target="prod",
    model="org/model",
    name="ours-k7wq",
    instance_option_id="zfTutSiLn0Hq",
    replicas=2,
)
CRITERIA = MatchCriteria(REQUEST, ids_before=("old",), listed_at=NOON, answered_created_at=None)
FITTING: dict[str, Any] = {
    "name": "ours-k7wq",
    "gpu_type": "NVIDIA H100",
    "num_gpu": 2,
    "project_id": "project",
    "autoscaling_min": 2,
    "autoscaling_max": 2,
    "autoscaling_cooldown": 300,
}


def made(id_: str, seconds: float | None = 1, **spec: object) -> Candidate:
    """A candidate that was made so long after noon; with the fitting spec but for some fields."""
    at = None if seconds is None else NOON + timedelta(seconds=seconds)
    status = DedicatedEndpointStatus(status="INITIALIZING", created_at=at)
    return Candidate(id_, status, DedicatedEndpointSpec.model_validate({**FITTING, **spec}))


def unread(id_: str, seconds: float = 1) -> Candidate:
    """A candidate whose spec can't be read."""
    return replace(made(id_, seconds), spec=None)


def test_what_was_there_before_or_is_anothers_is_no_candidate() -> None:
    """The ids kept before the create request, and those of other deployments, are explained."""
    assert new_ids(CRITERIA, ["old", "new", "theirs"], ("theirs",)) == ["new"]


@pytest.mark.parametrize(
    "wording",
    [
        {"gpu_type": "h100"},
        {"gpu_type": None},
        {"gpu_type": "NVIDIA L40S"},
        {"num_gpu": None},
        {"num_gpu": 4},
        {"num_gpu": 7},
        {"autoscaling_min": 0},
        {"autoscaling_min": None, "autoscaling_max": None},
        {"autoscaling_max": 10, "autoscaling_cooldown": None},
        {"project_id": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("seconds", [None, -86400, -6, 0, 0.02, 0.9, 86400])
def test_the_only_one_of_our_name_is_ours(wording: dict[str, object], seconds: float) -> None:
    """However its GPUs, scaling and time are worded."""
    for answered in (None, NOON):
        criteria = replace(CRITERIA, answered_created_at=answered)
        ours = made("ours", seconds, **wording)
        assert match(criteria, [made("other", name="other"), ours, unread("x")]).ours == ours


@pytest.mark.parametrize(
    ("ours", "twin"),
    [
        pytest.param({}, {"seconds": 7}, id="made at another moment than was answered"),
        pytest.param({"seconds": None}, {"seconds": 7}, id="the moment isn't told"),
        pytest.param({}, {"gpu_type": "NVIDIA H200"}, id="on other GPUs"),
        pytest.param({"gpu_type": None}, {"num_gpu": 8}, id="on another number of GPUs"),
        pytest.param({"autoscaling_min": None}, {"autoscaling_max": 3}, id="scaled otherwise"),
        pytest.param(
            {"autoscaling_min": 0}, {"gpu_type": "A100"}, id="GPUs count more than scaling"
        ),
        pytest.param({"gpu_type": "A100"}, {"seconds": 7}, id="time counts more than GPUs"),
    ],
)
def test_of_several_of_our_name_what_speaks_against_one_decides(
    ours: dict[str, Any], twin: dict[str, Any]
) -> None:
    """What isn't told speaks against nothing."""
    criteria = replace(CRITERIA, answered_created_at=NOON + timedelta(seconds=1))
    right = made("ours", **ours)
    assert match(criteria, [made("twin", **twin), right]).ours == right


def test_without_an_answer_time_narrows_by_the_list_less_a_minute() -> None:
    """Only the API's clocks are compared, which may differ among its machines."""
    late, early = made("late", -60), made("early", -61)
    assert match(CRITERIA, [late, early]).ours == late
    no_clock = replace(CRITERIA, listed_at=None)
    assert match(no_clock, [late, early]).twins == [late, early]


def test_several_that_nothing_tells_apart_are_left_to_a_person() -> None:
    """Also when something speaks against all of them alike."""
    twins = [made("one"), made("two")]
    assert match(CRITERIA, twins).twins == twins
    strange = [made("one", gpu_type="A100"), made("two", gpu_type="A100")]
    assert match(CRITERIA, strange).twins == strange


def test_an_id_in_the_answer_goes_before_everything_else() -> None:
    """If it is listed; an id of something else is of no account."""
    named, other = made("named"), made("other", name="renamed")
    answered = replace(CRITERIA, answered_id="other")
    assert match(answered, [named, other]).ours == other
    assert match(replace(CRITERIA, answered_id="request-7"), [named, other]).ours == named


@pytest.mark.parametrize(
    "name", ["", "   ", "OURS_K7WQ", "team/ours-k7wq", "ours", "ours-k7wq (v1)", "o u r s-k7wq"]
)
def test_a_name_that_may_be_ours_is_asked_about(name: str) -> None:
    """An API may normalise, cut or leave out names; nothing is adopted by guess."""
    found = match(CRITERIA, [made("one", name=name), unread("two")])
    assert (found.ours, found.twins, found.unlikely) == (None, (), [])
    assert [one.endpoint_id for one in found.likely] == ["one", "two"]


def test_a_name_of_few_letters_is_alike_by_chance() -> None:
    """It would be a part of nearly every name."""
    found = match(CRITERIA, [made("one", name="our"), made("two", name="7")])
    assert (found.likely, len(found.unlikely)) == ([], 2)


def test_another_name_made_at_the_answered_moment_may_be_ours() -> None:
    """If nothing else speaks against it; any other stays unexplained."""
    criteria = replace(CRITERIA, answered_created_at=NOON)
    renamed, bigger, later = (
        made("a", 0.5, name="renamed"),
        made("b", 0.5, name="bigger", num_gpu=8),
        made("c", 1.5, name="later"),
    )
    found = match(criteria, [renamed, bigger, later])
    assert (found.likely, found.unlikely) == ([renamed], [bigger, later])


def test_what_another_deployment_looks_for_is_its_own() -> None:
    """By its exact name, unless that one knew the endpoint before it asked."""
    theirs = made("theirs", name="another-x2b4")
    other = OtherSearch("another-x2b4", ids_before=())
    assert match(CRITERIA, [theirs], [other]).unlikely == []
    knew = OtherSearch("another-x2b4", ids_before=("theirs",))
    assert match(CRITERIA, [theirs], [knew]).unlikely == [theirs]


def test_specs_are_read_of_those_first_that_were_made_closest_to_the_answer() -> None:
    """With thousands of new endpoints, ours must not be the last."""
    criteria = replace(CRITERIA, answered_created_at=NOON, answered_id="named")
    listed = {one.endpoint_id: one.status for one in (made("far", 60), made("near"), made("named"))}
    listed["untold"] = DedicatedEndpointStatus()
    assert by_closeness(criteria, list(listed), listed) == ["named", "untold", "near", "far"]


def test_differences_are_sentences() -> None:
    """What differs from the request is named, what isn't told is not."""
    shown = DedicatedEndpointSpec.model_validate(
        {**FITTING, "gpu_type": "NVIDIA H200", "autoscaling_min": 0, "name": "Ours"}
    )
    assert differences(REQUEST, shown) == [
        "Friendli shows the name *Ours*.",
        "Friendli shows 2 × H200; 2 × H100 was requested.",
        "Friendli shows 0–2 replicas; 2 were requested.",
    ]
    one = REQUEST.model_copy(update={"replicas": 1})
    scaled = DedicatedEndpointSpec.model_validate(
        {**FITTING, "autoscaling_min": 0, "autoscaling_max": 1}
    )
    assert differences(one, scaled) == ["Friendli shows 0–1 replicas; 1 was requested."]
    assert differences(REQUEST, DedicatedEndpointSpec(name="ours-k7wq")) == []
    assert differences(REQUEST, DedicatedEndpointSpec.model_validate(FITTING)) == []


# Whatever the wording

counts = st.none() | st.integers(0, 16)
specs = st.fixed_dictionaries(
    {
        "gpu_type": st.none() | st.sampled_from(["NVIDIA H100", "h100", "A100", "L40S"]),
        "num_gpu": counts,
        "autoscaling_min": counts,
        "autoscaling_max": counts,
    }
)
seconds = st.none() | st.floats(-100_000, 100_000)
names = st.sampled_from(["", "other", "OURS_K7WQ", "ours", "ours-zzzz"]) | st.text(max_size=20)
strangers = st.lists(
    st.tuples(names.filter(lambda name: name.strip() != REQUEST.name), seconds, specs), max_size=4
)
requests = st.sampled_from(
    [
        REQUEST,
        REQUEST.model_copy(
            update={"replicas": None, "autoscaling": AutoscalingPolicy(min_replica=0)}
        ),
    ]
)
moments = st.none() | st.floats(-100_000, 100_000).map(lambda at: NOON + timedelta(seconds=at))


@given(requests, moments, moments, strangers, seconds, specs)
def test_an_endpoint_with_our_name_is_adopted_whatever_else_is_shown(
    request_: DeployRequest,
    listed_at: datetime | None,
    answered: datetime | None,
    others: list[tuple[str, float | None, dict[str, object]]],
    at: float | None,
    spec: dict[str, object],
) -> None:
    """No wording and no clock makes it unfindable, and no stranger is taken instead."""
    criteria = MatchCriteria(request_, ("old",), listed_at, answered)
    ours = made("ours", at, **spec)
    around = [made(f"s{n}", when, name=name, **how) for n, (name, when, how) in enumerate(others)]
    assert match(criteria, [*around, ours]).ours == ours


@given(requests, moments, moments, strangers)
def test_every_new_endpoint_is_ours_asked_about_or_unexplained(
    request_: DeployRequest,
    listed_at: datetime | None,
    answered: datetime | None,
    others: list[tuple[str, float | None, dict[str, object]]],
) -> None:
    """So that "it wasn't created" is never said while one of them is listed."""
    criteria = MatchCriteria(request_, ("old",), listed_at, answered)
    around = [made(f"s{n}", when, name=name, **how) for n, (name, when, how) in enumerate(others)]
    found = match(criteria, around)
    assert found.ours is None
    left = [*found.likely, *found.unlikely]
    assert sorted(one.endpoint_id for one in left) == [one.endpoint_id for one in around]
