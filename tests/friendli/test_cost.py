"""What Friendli charged: asked for page by page, and read per endpoint."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import JsonValue

from bot.domain.friendli_errors import Unavailable
from bot.friendli.client import FriendliClient
from bot.friendli.cost import charged
from tests.friendli.loopback import ACCESS, Reply, ScriptedApi

LINE: dict[str, JsonValue] = {"total": "2.709083", "quantity": "0.934167", "unit_price": "290"}


async def test_all_days_are_asked_for_and_added_up(api: ScriptedApi) -> None:
    """Whole days in UTC, as many to a page as the API gives; each endpoint's GPU time."""
    lines: list[JsonValue] = [
        {**LINE, "line_item": "dep1, NVIDIA H100, gpu time cost"},
        {**LINE, "line_item": "dep1, NVIDIA H200, gpu time cost"},
        {**LINE, "line_item": "dep2, NVIDIA H100, gpu time cost"},
        {**LINE, "line_item": "some-model, output tokens cost"},
        {"total": "7"},
    ]
    api.replies(
        Reply(200, json={"has_more": True, "next_page": "p 2", "data": [{"results": lines}]}),
        Reply(200, json={"has_more": False, "data": [{"results": lines[:1]}, {"results": []}]}),
    )
    async with FriendliClient(api.url) as client:
        buckets = await client.get_cost(ACCESS, date(2026, 1, 1), date(2026, 2, 20))
    assert charged(buckets) == {"dep1": 3 * Decimal("2.709083"), "dep2": Decimal("2.709083")}
    asked = {
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "2026-02-20T00:00:00Z",
        "group_by": "line_item",
        "limit": "35",
    }
    assert [one.raw_path.partition("?")[0] for one in api.seen] == ["/v1/team/cost"] * 2
    assert [one.query for one in api.seen] == [asked, {**asked, "page": "p 2"}]


async def test_days_that_never_end_are_given_up(api: ScriptedApi) -> None:
    """A year is all that the API tells of."""
    api.replies(Reply(200, json={"has_more": True, "next_page": "again", "data": []}))
    async with FriendliClient(api.url) as client:
        with pytest.raises(Unavailable, match="paging doesn't end"):
            await client.get_cost(ACCESS, date(2026, 1, 1), date(2026, 2, 20))
