import httpx
import pytest

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import ENDPOINTS, KEY, NO_TLS, PROJECT, TEAM, listed


async def pages(api: httpx.AsyncClient, path: str, **params: str) -> list[list[str]]:
    """The keys of each page of a listing."""
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {**params, "cursor": cursor} if cursor else params
        page = (await api.get(path, params=query)).json()
        found.append(list(page["data"]))
        cursor = page["nextCursor"]
    return found


async def test_the_list_comes_in_pages_with_the_newest_first(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Without a limit a page holds 20; all pages together hold everything once."""
    ids = [sandbox.create(project_id=PROJECT, name=str(number)) for number in range(45)]

    by_default = await pages(api, ENDPOINTS, project_id=PROJECT)
    assert [len(page) for page in by_default] == [20, 20, 5]
    assert [endpoint_id for page in by_default for endpoint_id in page] == ids[::-1]
    assert [len(page) for page in await pages(api, ENDPOINTS, limit="15")] == [15, 15, 15]


async def test_a_page_that_is_just_full_is_the_last(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """No empty page follows a list whose length is a multiple of the limit."""
    for number in range(2):
        sandbox.create(project_id=PROJECT, name=str(number))
    assert [len(page) for page in await pages(api, ENDPOINTS, limit="2")] == [2]


async def test_paging_goes_on_where_it_was_when_endpoints_come_and_go(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """An endpoint made or deleted between two pages neither repeats nor hides another."""
    ids = [sandbox.create(project_id=PROJECT, name=str(number)) for number in range(4)]
    first = (await api.get(ENDPOINTS, params={"limit": 2})).json()
    sandbox.create(project_id=PROJECT, name="new")
    sandbox.delete(ids[2])

    query = {"limit": 2, "cursor": first["nextCursor"]}
    second = (await api.get(ENDPOINTS, params=query)).json()
    assert (list(first["data"]), list(second["data"])) == ([ids[3], ids[2]], [ids[1], ids[0]])


async def test_versions_come_in_pages_too(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """The version history is paged like the list, the newest version first."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.set_status(endpoint_id, "SLEEPING")
    for number in range(4):
        await api.put(f"{ENDPOINTS}/{endpoint_id}", json={"name": f"chat {number}"})

    found = await pages(api, f"{ENDPOINTS}/{endpoint_id}/version", limit="2")
    assert found == [["4", "3"], ["2", "1"], ["0"]]


@pytest.mark.parametrize("cursor", ["nonsense", "e30=", "%FF%FE", "bnVsbA=="])
async def test_a_made_up_cursor_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    """A cursor that the API never gave gets 400."""
    response = await api.get(f"{ENDPOINTS}?cursor={cursor}")
    assert (response.status_code, response.json()) == (400, {"detail": "Invalid cursor."})


async def test_a_cursor_is_good_for_its_own_listing_only(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """The cursor of one project's list doesn't open another's, nor a version history."""
    ids = [sandbox.create(project_id=PROJECT, name=str(number)) for number in range(2)]
    query: dict[str, str] = {"limit": "1", "project_id": PROJECT}
    cursor = (await api.get(ENDPOINTS, params=query)).json()["nextCursor"]

    assert (await api.get(ENDPOINTS, params={"cursor": cursor})).status_code == 400
    versions = f"{ENDPOINTS}/{ids[0]}/version"
    assert (await api.get(versions, params={"cursor": cursor})).status_code == 400


async def test_lists_lag_behind_creation(clock: SandboxClock) -> None:
    """With a list lag, a new endpoint answers by its id at once and is listed only later."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        FriendliSandbox(clock=clock, list_lag=20) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, headers=headers, verify=NO_TLS) as api,
    ):
        sandbox.add_project(PROJECT, TEAM)
        sandbox.add_key(KEY, team_id=TEAM)
        endpoint_id = sandbox.create(project_id=PROJECT, name="chat")

        clock.advance(19)
        assert await listed(api) == {}
        assert (await api.get(f"{ENDPOINTS}/{endpoint_id}/status")).status_code == 200
        clock.advance(1)
        assert set(await listed(api)) == {endpoint_id}
