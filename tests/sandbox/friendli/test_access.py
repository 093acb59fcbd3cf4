import httpx
import pytest

from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import ENDPOINTS, KEY, NO_TLS, PROJECT, create, listed

NOT_FOUND = {"detail": "Project 'project-9' not found."}


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x"]
)
async def test_a_wrong_key_is_unauthorized(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, authorization: str
) -> None:
    """Anything but a known key as bearer gets 401, before the body is looked at."""
    headers = {"Authorization": authorization}
    response = await api.post(ENDPOINTS, content=b"{", headers=headers)

    assert (response.status_code, response.json()) == (
        401,
        {"detail": "Missing or invalid API key."},
    )
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert sandbox.endpoints == {}


async def test_a_missing_key_is_unauthorized(sandbox: FriendliSandbox) -> None:
    """A request without Authorization gets 401, also for the cost and a chat."""
    async with httpx.AsyncClient(base_url=sandbox.url, verify=NO_TLS) as stranger:
        for method, path in (
            ("GET", ENDPOINTS),
            ("GET", "/v1/team/cost"),
            ("POST", "/dedicated/v1/chat/completions"),
            ("DELETE", f"{ENDPOINTS}/nothing"),
        ):
            assert (await stranger.request(method, path)).status_code == 401


async def test_a_revoked_key_stops_working_until_it_is_added_again(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Revoking takes effect on the next request."""
    assert (await api.get(ENDPOINTS)).status_code == 200
    sandbox.revoke_key(KEY)
    assert (await api.get(ENDPOINTS)).status_code == 401
    sandbox.add_key(KEY, team_id="team-1")
    assert (await api.get(ENDPOINTS)).status_code == 200


async def test_the_team_header_chooses_among_the_key_s_teams(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A key acts for its first team, for another of its teams by header, and for no other."""
    sandbox.add_project("project-2", "team-2")
    sandbox.add_key(KEY, team_id="team-2")
    first = sandbox.create(project_id=PROJECT, name="first")
    second = sandbox.create(project_id="project-2", name="second")

    async def ids(team: str | None) -> set[str]:
        headers = {} if team is None else {"X-Friendli-Team": team}
        return set((await api.get(ENDPOINTS, headers=headers)).json()["data"])

    assert await ids(None) == {first}
    assert await ids("team-2") == {second}
    refused = await api.get(ENDPOINTS, headers={"X-Friendli-Team": "team-3"})
    assert (refused.status_code, refused.json()) == (
        403,
        {"detail": "The API key doesn't belong to team 'team-3'."},
    )


async def test_an_unknown_project_is_not_found(api: httpx.AsyncClient) -> None:
    """Creating in and listing a project that doesn't exist get 404."""
    created = await create(api, projectId="project-9")
    assert (created.status_code, created.json()) == (404, NOT_FOUND)
    shown = await api.get(ENDPOINTS, params={"project_id": "project-9"})
    assert (shown.status_code, shown.json()) == (404, NOT_FOUND)


async def test_another_team_s_project_is_forbidden_and_its_endpoints_hidden(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Another team's project gets 403; its endpoints look as if they didn't exist."""
    sandbox.add_project("project-2", "team-2")
    foreign = sandbox.create(project_id="project-2", name="foreign")

    created = await create(api, projectId="project-2")
    assert (created.status_code, created.json()) == (
        403,
        {"detail": "No access to project 'project-2'."},
    )
    shown = await api.get(ENDPOINTS, params={"project_id": "project-2"})
    assert shown.status_code == 403
    for method, path in (("GET", "/status"), ("PUT", "/terminate"), ("DELETE", "")):
        response = await api.request(method, f"{ENDPOINTS}/{foreign}{path}")
        assert response.status_code == 404
    assert sandbox.endpoints[foreign].status == "INITIALIZING"


async def test_a_hidden_project_lists_nothing(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Hiding a project empties its list and its endpoints get 404, until it is unhidden."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.hide_project(PROJECT)

    assert await listed(api) == {}
    assert (await api.get(ENDPOINTS)).json()["data"] == {}
    assert (await api.get(f"{ENDPOINTS}/{endpoint_id}/status")).status_code == 404
    assert (await create(api)).status_code == 404
    sandbox.unhide_project(PROJECT)
    assert set(await listed(api)) == {endpoint_id}
