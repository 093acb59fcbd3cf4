import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue, SecretStr

from bot.domain.friendli_errors import MalformedCredentials, Unavailable
from bot.domain.schemas import (
    CreateResponse,
    DedicatedEndpointListResponse,
    DedicatedEndpointSpec,
    DedicatedEndpointStatus,
    DedicatedEndpointUpdateBody,
    InferenceDeploymentStatus,
)
from bot.friendli.client import MAX_PAGES, Credentials, FriendliClient
from tests.friendli.loopback import (
    ACCESS,
    CREATE,
    KEY,
    SPEC,
    STATUS,
    Reply,
    ScriptedApi,
    refused_url,
)

UPDATE = DedicatedEndpointUpdateBody(new_version_comment="second")
BASE = "/dedicated/beta/endpoint"
Operation = Callable[[FriendliClient], Awaitable[object]]


@pytest.mark.parametrize(
    ("operation", "request_sent", "answer", "result"),
    [
        (
            lambda client: client.list_endpoints(ACCESS, "project-1"),
            ("GET", BASE, None),
            {"data": {"e1": STATUS}},
            DedicatedEndpointListResponse,
        ),
        (
            lambda client: client.get_endpoint(ACCESS, "e1"),
            ("GET", f"{BASE}/e1", None),
            SPEC,
            DedicatedEndpointSpec,
        ),
        (
            lambda client: client.get_endpoint_status(ACCESS, "e1"),
            ("GET", f"{BASE}/e1/status", None),
            STATUS,
            DedicatedEndpointStatus,
        ),
        (
            lambda client: client.create_endpoint(ACCESS, CREATE),
            ("POST", BASE, CREATE.wire()),
            STATUS,
            CreateResponse,
        ),
        (
            lambda client: client.update_endpoint(ACCESS, "e1", UPDATE),
            ("PUT", f"{BASE}/e1", {"newVersionComment": "second"}),
            SPEC,
            DedicatedEndpointSpec,
        ),
        (
            lambda client: client.sleep_endpoint(ACCESS, "e1"),
            ("PUT", f"{BASE}/e1/sleep", None),
            STATUS,
            DedicatedEndpointStatus,
        ),
        (
            lambda client: client.wake_endpoint(ACCESS, "e1"),
            ("PUT", f"{BASE}/e1/wake", None),
            STATUS,
            DedicatedEndpointStatus,
        ),
        (
            lambda client: client.restart_endpoint(ACCESS, "e1"),
            ("PUT", f"{BASE}/e1/restart", None),
            STATUS,
            DedicatedEndpointStatus,
        ),
        (
            lambda client: client.terminate_endpoint(ACCESS, "e1"),
            ("PUT", f"{BASE}/e1/terminate", None),
            STATUS,
            DedicatedEndpointStatus,
        ),
    ],
    ids=["list", "get", "status", "create", "update", "sleep", "wake", "restart", "terminate"],
)
async def test_each_operation_is_one_documented_request(
    api: ScriptedApi,
    operation: Operation,
    request_sent: tuple[str, str, JsonValue],
    answer: JsonValue,
    result: type[object],
) -> None:
    """Each operation sends its verb, path and body with the key, and parses the answer."""
    api.replies(Reply(json=answer))
    async with FriendliClient(api.url) as client:
        assert isinstance(await operation(client), result)
    [seen] = api.seen
    sent = json.loads(seen.text) if seen.text else None
    assert (seen.method, seen.raw_path, sent) == request_sent
    assert seen.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("reply", [Reply(json={}), Reply(json=None), Reply(204), Reply(text="ok")])
async def test_a_deletion_is_done_whatever_its_answer_holds(api: ScriptedApi, reply: Reply) -> None:
    """Any 2xx to a DELETE means that the endpoint is deleted."""
    api.replies(reply)
    async with FriendliClient(api.url) as client:
        await client.delete_endpoint(ACCESS, "e1")
    assert [(seen.method, seen.raw_path) for seen in api.seen] == [("DELETE", f"{BASE}/e1")]


async def test_the_answer_to_create_tells_when_it_was_made(api: ScriptedApi) -> None:
    """The moment and the status are those of the answer."""
    api.replies(Reply(json=STATUS))
    async with FriendliClient(api.url) as client:
        answer = await client.create_endpoint(ACCESS, CREATE)
    assert answer.created_at == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert answer.status is InferenceDeploymentStatus.INITIALIZING


async def test_an_answer_to_create_that_says_little_still_means_made(api: ScriptedApi) -> None:
    """A 2xx with a JSON object is no error, however little it says."""
    async with FriendliClient(api.url) as client:
        for status in (200, 201, 202):
            api.replies(Reply(status, json={"endpoint": "e1"}))
            assert (await client.create_endpoint(ACCESS, CREATE)).created_at is None


async def test_the_team_is_named_only_when_there_is_one(api: ScriptedApi) -> None:
    """X-Friendli-Team is sent for a named team and left out otherwise."""
    api.replies(Reply(json=STATUS))
    async with FriendliClient(api.url) as client:
        await client.get_endpoint_status(ACCESS, "e1")
        await client.get_endpoint_status(Credentials(SecretStr(KEY), "team-1"), "e1")
    assert [seen.headers.get("X-Friendli-Team") for seen in api.seen] == [None, "team-1"]


@pytest.mark.parametrize(
    ("key", "team"),
    [
        ("", ""),
        (f"{KEY}\n", ""),
        (f"{KEY}\r\nX-Evil: 1", ""),
        (f"{KEY} ", ""),
        (f"{KEY}\N{SNOWMAN}", ""),
        (KEY, "team 1"),
        (KEY, "team\x00"),
    ],
)
def test_an_access_that_fits_no_header_is_refused(key: str, team: str) -> None:
    """A key or team that would break a header is refused before anything is sent."""
    with pytest.raises(MalformedCredentials) as caught:
        Credentials(SecretStr(key), team)
    assert str(caught.value) == "access: the key or the team id can't stand in a header"


def test_an_access_does_not_show_its_key() -> None:
    """The key is masked wherever an access is printed."""
    assert KEY not in f"{ACCESS!r} {ACCESS!s}"


@pytest.mark.parametrize(
    ("endpoint_id", "path"),
    [
        ("a/b", f"{BASE}/a%2Fb/status"),
        ("..", f"{BASE}/%2E%2E/status"),
        ("a?b#c", f"{BASE}/a%3Fb%23c/status"),
        ("a%2Fb", f"{BASE}/a%252Fb/status"),
        ("\N{SNOWMAN} 1", f"{BASE}/%E2%98%83%201/status"),
    ],
)
async def test_an_endpoint_id_stays_one_part_of_the_path(
    api: ScriptedApi, endpoint_id: str, path: str
) -> None:
    """No id, however odd, reaches another path than its own."""
    api.replies(Reply(json=STATUS))
    async with FriendliClient(api.url) as client:
        await client.get_endpoint_status(ACCESS, endpoint_id)
    assert [seen.raw_path for seen in api.seen] == [path]


async def test_an_empty_endpoint_id_is_a_mistake(api: ScriptedApi) -> None:
    """An empty id would address the collection, so nothing is sent."""
    async with FriendliClient(api.url) as client:
        with pytest.raises(ValueError, match="an endpoint id is never empty"):
            await client.delete_endpoint(ACCESS, "")
    assert api.seen == []


async def test_one_page_is_asked_for_as_documented(api: ScriptedApi) -> None:
    """Project, cursor and limit are the query of a list request."""
    api.replies(Reply(json={"data": {}, "nextCursor": "c2"}))
    async with FriendliClient(api.url) as client:
        page = await client.list_endpoints(ACCESS, "project-1", cursor="a+b/c=&", limit=20)
    assert page.next_cursor == "c2"
    assert [seen.query for seen in api.seen] == [
        {"project_id": "project-1", "limit": "20", "cursor": "a+b/c=&"}
    ]


async def test_all_pages_of_a_project_are_listed(api: ScriptedApi) -> None:
    """The listing holds every page's endpoints, and the first page's moment on the API's clock."""
    api.replies(
        Reply(
            json={"data": {"e1": STATUS, "e2": STATUS}, "nextCursor": "c2"},
            headers={"Date": "Mon, 02 Nov 2026 10:00:00 GMT"},
        ),
        Reply(
            json={"data": {"e3": {**STATUS, "status": "NEW"}}, "nextCursor": "c3"},
            headers={"Date": "Mon, 02 Nov 2026 10:00:09 GMT"},
        ),
        Reply(json={"data": {}, "nextCursor": ""}),
    )
    async with FriendliClient(api.url) as client:
        listing = await client.list_all_endpoints(ACCESS, "project-1")
    assert {id_: status.status for id_, status in listing.endpoints.items()} == {
        "e1": "INITIALIZING",
        "e2": "INITIALIZING",
        "e3": "NEW",
    }
    assert listing.api_date == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert listing.pages == 3
    project = {"project_id": "project-1", "limit": "100"}
    assert [seen.query for seen in api.seen] == [
        project,
        {**project, "cursor": "c2"},
        {**project, "cursor": "c3"},
    ]


async def test_a_listing_is_complete_or_an_error(api: ScriptedApi) -> None:
    """When a later page fails, the pages before it are not taken for all."""
    api.replies(Reply(json={"data": {"e1": STATUS}, "nextCursor": "c2"}), Reply(500))
    async with FriendliClient(api.url, attempts=1) as client:
        with pytest.raises(Unavailable):
            await client.list_all_endpoints(ACCESS, "project-1")


async def test_a_page_that_was_retried_is_counted_once(api: ScriptedApi) -> None:
    """A failing page is asked for again with its own cursor."""
    api.replies(
        Reply(json={"data": {"e1": STATUS}, "nextCursor": "c2"}),
        Reply(503),
        Reply(json={"data": {"e2": STATUS}}),
    )
    async with FriendliClient(api.url, first_wait=0.001) as client:
        listing = await client.list_all_endpoints(ACCESS, "project-1")
    assert (set(listing.endpoints), listing.pages) == ({"e1", "e2"}, 2)
    assert [seen.query.get("cursor") for seen in api.seen] == [None, "c2", "c2"]


async def test_pages_that_lead_in_a_circle_are_an_error(api: ScriptedApi) -> None:
    """A cursor that comes back ends the listing instead of repeating it for ever."""
    api.replies(
        Reply(json={"data": {"e1": STATUS}, "nextCursor": "c2"}),
        Reply(json={"data": {"e2": STATUS}, "nextCursor": "c3"}),
        Reply(json={"data": {"e3": STATUS}, "nextCursor": "c2"}),
    )
    async with FriendliClient(api.url) as client:
        with pytest.raises(Unavailable) as caught:
            await client.list_all_endpoints(ACCESS, "project-1")
    assert str(caught.value) == "list_all_endpoints: 200 paging doesn't end"
    assert len(api.seen) == 3


async def test_pages_without_end_are_an_error(api: ScriptedApi) -> None:
    """A server that always names one more page is given up on."""
    api.replies(
        *(Reply(json={"data": {}, "nextCursor": f"c{page}"}) for page in range(MAX_PAGES + 5))
    )
    async with FriendliClient(api.url) as client:
        with pytest.raises(Unavailable):
            await client.list_all_endpoints(ACCESS, "project-1")
    assert len(api.seen) == MAX_PAGES


async def test_all_versions_of_an_endpoint_are_listed(api: ScriptedApi) -> None:
    """The version history holds every page's versions."""
    api.replies(
        Reply(json={"data": {"0": SPEC}, "nextCursor": "c2"}),
        Reply(json={"data": {"1": {**SPEC, "numGpu": 4}}}),
    )
    async with FriendliClient(api.url) as client:
        versions = await client.get_endpoint_version_history(ACCESS, "e1")
    assert {number: spec.num_gpu for number, spec in versions.items()} == {"0": 2, "1": 4}
    assert [(seen.raw_path, seen.query) for seen in api.seen] == [
        (f"{BASE}/e1/version", {"limit": "100"}),
        (f"{BASE}/e1/version", {"limit": "100", "cursor": "c2"}),
    ]


async def test_reading_keeps_its_connection_and_changing_never_does(api: ScriptedApi) -> None:
    """Polls share one connection; whatever changes something opens its own."""
    api.replies(Reply(json=STATUS))
    async with FriendliClient(api.url) as client:
        for _ in range(3):
            await client.get_endpoint_status(ACCESS, "e1")
        for _ in range(2):
            await client.create_endpoint(ACCESS, CREATE)
        await client.sleep_endpoint(ACCESS, "e1")
        await client.get_endpoint_status(ACCESS, "e1")
    ports = [seen.connection for seen in api.seen]
    assert len({*ports[:3], ports[6]}) == 1
    assert len(set(ports[2:6])) == 4


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
async def test_a_proxy_in_the_environment_is_used(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Reading and changing calls both go through it, unless it isn't meant for the address."""
    monkeypatch.setenv(variable, api.url)
    api.replies(Reply(json=STATUS))
    async with FriendliClient("http://friendli.invalid") as client:
        await client.get_endpoint_status(ACCESS, "e1")
        await client.create_endpoint(ACCESS, CREATE)
    assert [seen.headers["Host"] for seen in api.seen] == ["friendli.invalid"] * 2
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv(variable, refused_url())
    async with FriendliClient(api.url) as client:
        await client.get_endpoint_status(ACCESS, "e1")
        await client.create_endpoint(ACCESS, CREATE)
    assert len(api.seen) == 4


async def test_cookies_of_one_key_are_not_sent_for_another(api: ScriptedApi) -> None:
    """The client keeps no cookies, since all teams share it."""
    api.replies(Reply(json=STATUS, headers={"Set-Cookie": "session=of-the-first; Path=/"}))
    async with FriendliClient(api.url) as client:
        for _ in range(2):
            await client.get_endpoint_status(ACCESS, "e1")
            await client.create_endpoint(ACCESS, CREATE)
    assert not any("Cookie" in seen.headers for seen in api.seen)


async def test_a_base_address_with_a_path_is_kept(api: ScriptedApi) -> None:
    """An API behind a gateway's prefix is reached."""
    api.replies(Reply(json=STATUS))
    async with FriendliClient(f"{api.url}/friendli/") as client:
        await client.create_endpoint(ACCESS, CREATE)
    assert [seen.raw_path for seen in api.seen] == [f"/friendli{BASE}"]
