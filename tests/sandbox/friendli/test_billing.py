import json
from decimal import Decimal

import httpx
import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import ENDPOINTS, H200X2, PROJECT, Json

COST = "/v1/team/cost"
DAY = {"start_time": "2026-10-02T00:00:00Z", "end_time": "2026-10-03T00:00:00Z"}


async def lines(api: httpx.AsyncClient) -> list[Json]:
    """The lines of the day's cost."""
    response = await api.get(COST, params={**DAY, "group_by": "line_item"})
    assert response.status_code == 200
    (bucket,) = response.json()["data"]
    results: list[Json] = bucket["results"]
    return results


async def test_gpu_time_is_charged_by_line_item(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Each endpoint has a line: GPU-hours of all replicas, cents per GPU-hour, dollars."""
    endpoint_id = sandbox.create(
        project_id=PROJECT, name="chat", instance_option_id=H200X2, replicas=3
    )
    clock.advance(248 + 1800)

    response = await api.get(COST, params={**DAY, "group_by": "line_item"})
    answer = json.loads(response.text.replace(endpoint_id, "ID"))
    assert (response.status_code, answer) == snapshot(
        (
            200,
            {
                "has_more": False,
                "data": [
                    {
                        "start_time": "2026-10-02T00:00:00Z",
                        "end_time": "2026-10-03T00:00:00Z",
                        "results": [
                            {
                                "total": "21.000000",
                                "quantity": "3.000000",
                                "unit_price": "700",
                                "line_item": "ID, NVIDIA H200, gpu time cost",
                            }
                        ],
                    }
                ],
            },
        )
    )
    assert sandbox.endpoints[endpoint_id].charged == Decimal(21)


async def test_only_what_is_up_is_charged(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Starting, sleeping and terminating cost nothing; being up does, idle or not."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)
    assert await lines(api) == []
    clock.advance(3600)
    sandbox.sleep(endpoint_id)
    clock.advance(3600)
    sandbox.wake(endpoint_id)
    clock.advance(124 + 1800)
    sandbox.terminate(endpoint_id)
    clock.advance(3600)

    (line,) = await lines(api)
    assert (line["quantity"], line["total"]) == ("1.500000", "7.500000")


async def test_an_update_to_another_gpu_makes_two_lines(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """The old GPUs are charged until the roll-out is over, the new ones from then on."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248 + 3420)
    await api.put(f"{ENDPOINTS}/{endpoint_id}", json={"instanceOptionId": H200X2})
    clock.advance(180 + 900)

    assert [(line["line_item"], line["quantity"], line["total"]) for line in await lines(api)] == [
        (f"{endpoint_id}, NVIDIA H100, gpu time cost", "1.000000", "5.000000"),
        (f"{endpoint_id}, NVIDIA H200, gpu time cost", "0.500000", "3.500000"),
    ]


async def test_without_grouping_there_is_a_total_only(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Ungrouped, a day has one result with all endpoints in it, deleted ones too."""
    first = sandbox.create(project_id=PROJECT, name="one")
    sandbox.create(project_id=PROJECT, name="two")
    clock.advance(248 + 3600)
    sandbox.delete(first)
    clock.advance(3600)

    response = await api.get(COST, params=DAY)
    assert response.json()["data"][0]["results"] == [{"total": "15.000000"}]


async def test_another_team_s_cost_stays_its_own(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Endpoints of another team don't show in this one's cost."""
    sandbox.add_project("project-2", "team-2")
    sandbox.create(project_id="project-2", name="foreign")
    clock.advance(248 + 3600)
    assert await lines(api) == []


async def test_days_come_in_pages(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Buckets are split at midnight UTC and paged, seven to a page without a limit."""
    sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(15 * 3600 + 3600)
    span = {"start_time": "2026-09-26T00:00:00Z", "end_time": "2026-10-04T00:00:00Z"}

    first = (await api.get(COST, params=span)).json()
    assert (first["has_more"], len(first["data"])) == (True, 7)
    assert first["data"][0]["results"] == []
    second = (await api.get(COST, params={**span, "page": first["next_page"]})).json()
    assert (second["has_more"], "next_page" in second) == (False, False)
    totals = [bucket["results"] for bucket in (first["data"][-1], second["data"][0])]
    assert totals == [[{"total": "74.655208"}], [{"total": "5.000347"}]]


WRONG: list[tuple[dict[str, str], JsonValue, str]] = [
    ({"start_time": "yesterday"}, "start_time", "datetime_from_date_parsing"),
    ({"start_time": "2026-10-02T09:00:00Z"}, "start_time", "value_error"),
    ({"start_time": "2026-10-02T00:00:00"}, "start_time", "value_error"),
    ({"start_time": "2026-10-02T00:00:00+09:00"}, "start_time", "value_error"),
    ({"start_time": "2025-10-01T00:00:00Z"}, "start_time", "value_error"),
    ({"end_time": "2026-10-04T00:00:00Z"}, "end_time", "value_error"),
    ({"end_time": "2026-10-02T00:00:00Z"}, "end_time", "value_error"),
    ({"bucket_width": "1h"}, "bucket_width", "literal_error"),
    ({"group_by": "project"}, "group_by", "literal_error"),
    ({"limit": "36"}, "limit", "less_than_equal"),
    ({"limit": "0"}, "limit", "greater_than_equal"),
    ({"project_id": "project-1"}, "project_id", "extra_forbidden"),
]


@pytest.mark.parametrize(("changes", "loc", "kind"), WRONG, ids=str)
async def test_wrong_parameters_of_the_cost(
    api: httpx.AsyncClient, changes: dict[str, str], loc: JsonValue, kind: str
) -> None:
    """Parameters that the reference doesn't allow get 422 that names them."""
    response = await api.get(COST, params={**DAY, **changes})

    assert response.status_code == 422
    (error,) = response.json()["detail"]
    assert (error["loc"], error["type"]) == (["query", loc], kind)


async def test_the_times_of_the_cost_are_required(api: httpx.AsyncClient) -> None:
    """A request without its times gets 422 for both; a made-up page gets 400."""
    response = await api.get(COST)
    assert response.status_code == 422
    assert [error["loc"][1] for error in response.json()["detail"]] == ["start_time", "end_time"]
    assert (await api.get(COST, params={**DAY, "page": "nonsense"})).status_code == 400
