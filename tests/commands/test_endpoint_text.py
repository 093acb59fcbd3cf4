"""Which endpoint a line names, and what of it is left for the command."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.endpoint_text import EndpointPhrase, match, nearest, read
from bot.domain.errors import UserError
from bot.domain.instances import PUBLISHED_PRICES
from bot.domain.listed_endpoint import ListedEndpoint, Listing, in_order
from bot.domain.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus
from bot.messages.picker import PickerState, options

TARGETS = ["prod", "staging"]
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def listed(name: str, endpoint_id: str = "dep0", status: str = "RUNNING") -> ListedEndpoint:
    return ListedEndpoint(
        target="prod",
        project_id="project",
        team_id="team",
        endpoint_id=endpoint_id,
        status=DedicatedEndpointStatus(status=status, created_at=NOW),
        spec=DedicatedEndpointSpec(
            name=name,
            gpu_type="NVIDIA H100",
            num_gpu=2,
            project_id="project",
            autoscaling_min=1,
            autoscaling_max=1,
            autoscaling_cooldown=0,
            curr_replica_cnt=1,
        ),
        ours=None,
        possible_requester_id=None,
        listed_at=NOW,
        prices=PUBLISHED_PRICES,
    )


def found(endpoints: Sequence[ListedEndpoint], text: EndpointPhrase) -> tuple[list[str], str]:
    """The ids that a command with options finds, and what is left for it."""
    matched = match(endpoints, text, takes_more=True)
    return [one.endpoint_id for one in matched.endpoints], text.rest(matched.used)


@pytest.mark.parametrize(
    ("line", "target", "ids", "rest"),
    [
        ("llama", "", ["dep1"], ""),
        ("llama 2", "", ["dep2"], ""),
        ("llama 3", "", ["dep1"], "3"),
        ('"llama 2" 3', "", ["dep2"], "3"),
        ("dep3 --replicas 2", "", ["dep3"], "--replicas 2"),
        ("qwe --comment 'a  b'", "", ["dep3"], "--comment 'a  b'"),
        ("qwen --replicas 2 --target staging --yes", "staging", ["dep3"], "--replicas 2 --yes"),
        ("staging/qwen 3", "staging", ["dep3"], "3"),
        ("Staging/ qwen 3", "staging", ["dep3"], "3"),
        ("other/qwen", "", ["dep4"], ""),
        ("dep", "", ["dep1", "dep2", "dep3", "dep4"], ""),
        ("de", "", [], ""),
        ("&lt;!channel&gt;", "", [], ""),
    ],
)
def test_the_longest_name_is_meant_and_the_rest_is_left(
    line: str, target: str, ids: list[str], rest: str
) -> None:
    """By whole name or id first, then by how one begins; options stay as they were typed."""
    names = {"dep1": "llama", "dep2": "llama 2", "dep3": "qwen", "dep4": "other/qwen"}
    endpoints = [listed(name, id_) for id_, name in names.items()]
    text = read(line, TARGETS)
    assert text.target == target
    assert found(endpoints, text) == (ids, rest)


@given(st.text())
def test_any_line_is_read_or_refused_in_words(line: str) -> None:
    """Nothing that can be typed breaks it."""
    try:
        text = read(line, TARGETS)
    except UserError:
        return
    if text.lead:
        found([listed("llama")], text)
        nearest([listed("llama")], text.phrase(1))


@given(st.sampled_from(["", "prod"]), st.text(), st.booleans())
def test_what_a_picker_carries_comes_back(target: str, rest: str, stays: bool) -> None:  # noqa: FBT001 - drawn
    """The block's id holds it, and is never longer than Slack takes."""
    carried = PickerState(target, rest, stays=stays)
    assert PickerState.read(carried.block_id) == carried
    assert carried.fits == (len(carried.block_id) <= 255)


@pytest.mark.parametrize("name", ["", "  \n", "x" * 80, "🦙" * 80, "*&<>" * 30])
def test_any_name_makes_an_option_that_slack_takes(name: str) -> None:
    """Of 1 to 75 characters."""
    [option] = options([Listing("prod", "project", [listed(name, "dep" + "4" * 60)])], "")
    text = option["text"]
    assert isinstance(text, dict)
    assert 1 <= len(text["text"]) <= 75
    assert len(str(option["value"])) <= 150


def test_an_id_that_no_option_can_carry_is_not_offered() -> None:
    """It can still be typed."""
    assert options([Listing("prod", "project", [listed("it", "d" * 200)])], "it") == []


def test_lists_begin_with_what_may_be_billed() -> None:
    """Of those alike, the newest is first, then names decide."""
    statuses = ["TERMINATED", "FAILED", "SLEEPING", "ODD", "RUNNING", "INITIALIZING"]
    endpoints = [listed(status.lower(), status=status) for status in statuses]
    long_ago = DedicatedEndpointStatus(status="RUNNING", created_at=NOW - timedelta(hours=1))
    older = replace(listed("older"), status=long_ago)
    assert [one.name for one in in_order([older, *endpoints])] == [
        "initializing",
        "running",
        "older",
        "odd",
        "sleeping",
        "failed",
        "terminated",
    ]
