import asyncio
from dataclasses import asdict
from datetime import UTC, datetime

import httpx
import pytest
from inline_snapshot import snapshot

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import LoseReply, Respond
from bot.sandbox.friendli import FriendliSandbox, RequestRecord
from bot.sandbox.friendli.request_log import mask, mask_authorization
from tests.sandbox.friendli.requests import ENDPOINTS, KEY, NO_TLS, PROJECT, create


async def test_a_request_is_recorded_with_its_answer(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A record tells what was asked, what was answered, and shows four characters of the key."""
    await api.get(ENDPOINTS, params={"project_id": PROJECT}, headers={"X-Friendli-Team": "team-1"})

    (record,) = sandbox.requests
    assert asdict(record) == snapshot(
        {
            "number": 1,
            "at": datetime(2026, 10, 2, 9, 0, 0, 250000, tzinfo=UTC),
            "operation": "list_endpoints",
            "method": "GET",
            "path": "/dedicated/beta/endpoint",
            "query": {"project_id": "project-1"},
            "authorization": "Bearer …cret",
            "team": "team-1",
            "body": None,
            "done": True,
            "acted": True,
            "status": 200,
            "answer": {"data": {}, "nextCursor": None},
            "fault": None,
        }
    )


async def test_a_record_tells_what_was_done_and_what_was_learned(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Whether a request was carried out, and whether the client knows, are two things."""
    sandbox.faults.add(LoseReply(), operation="create_endpoint")
    sandbox.faults.add(Respond(503, {"detail": "down"}), operation="get_endpoint")
    with pytest.raises(httpx.TransportError):
        await create(api)
    await create(api, name="")
    await api.get(f"{ENDPOINTS}/x")
    await api.get("/nowhere")

    assert [
        (record.operation, record.acted, record.status, record.fault, record.done)
        for record in sandbox.requests
    ] == [
        ("create_endpoint", True, None, "LoseReply", True),
        ("create_endpoint", False, 400, None, True),
        ("get_endpoint", False, 503, "Respond", True),
        ("unknown", False, 404, None, True),
    ]
    assert sandbox.requests[2].answer == {"detail": "down"}


async def test_no_key_is_recorded_wherever_it_stands(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A known key is masked in paths, queries, bodies and answers, also after its revocation."""
    await create(api, name=KEY, surplus=KEY)
    await api.get(f"{ENDPOINTS}/{KEY}", params={"project_id": KEY})
    sandbox.revoke_key(KEY)
    await api.post(f"{ENDPOINTS}", content=f"not JSON: {KEY}".encode())

    assert len(sandbox.requests) == 3
    assert KEY not in repr(sandbox.requests)
    assert sandbox.requests[-1].body == "not JSON: …cret"


async def test_unknown_keys_are_masked_too(sandbox: FriendliSandbox) -> None:
    """The Authorization header of a stranger is masked, whatever its scheme."""
    async with httpx.AsyncClient(base_url=sandbox.url, verify=NO_TLS) as stranger:
        await stranger.get(ENDPOINTS, headers={"Authorization": "Bearer not-a-known-key"})
        await stranger.get(ENDPOINTS)

    assert [record.authorization for record in sandbox.requests] == ["Bearer …-key", None]


def test_masks() -> None:
    """The last four characters show, none of a secret that is too short for that."""
    assert mask("12345678") == "…5678"
    assert mask("1234567") == "…"
    assert mask_authorization("just-a-secret") == "…cret"


async def test_the_record_is_bounded(clock: SandboxClock) -> None:
    """Only the latest requests are kept; their numbers go on."""
    async with (
        FriendliSandbox(clock=clock, log_size=2) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, verify=NO_TLS) as stranger,
    ):
        for _ in range(3):
            await stranger.get(ENDPOINTS)
        assert [record.number for record in sandbox.requests] == [2, 3]


async def test_subscribers_hear_of_a_request_twice(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A subscriber is called when a request comes and when it is done, until it ends that."""
    heard: list[tuple[int, bool]] = []

    def hear(record: RequestRecord) -> None:
        heard.append((record.number, record.done))

    end = sandbox.on_request(hear)
    await api.get(ENDPOINTS)
    end()
    await api.get(ENDPOINTS)
    assert heard == [(1, False), (1, True)]


async def test_until_wakes_by_request_by_control_and_by_time(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Whoever waits for a condition is woken by whatever can make it true."""
    by_request = asyncio.create_task(
        sandbox.until(lambda: [view.id for view in sandbox.endpoints.values()])
    )
    await create(api)
    (endpoint_id,) = await by_request

    def status() -> str:
        return sandbox.endpoints[endpoint_id].status

    by_jump = asyncio.create_task(sandbox.until(lambda: status() == "RUNNING"))
    changed = asyncio.create_task(sandbox.changed())
    await asyncio.sleep(0)
    clock.advance(248)
    assert await by_jump
    await changed

    by_control = asyncio.create_task(sandbox.until(lambda: status() == "SLEEPING"))
    await asyncio.sleep(0)
    sandbox.sleep(endpoint_id)
    assert await by_control

    sandbox.wake(endpoint_id)
    by_running = asyncio.create_task(sandbox.until(lambda: status() == "RUNNING"))
    await asyncio.sleep(0)
    clock.speed = 10_000
    assert await by_running


async def test_until_gives_up(sandbox: FriendliSandbox) -> None:
    """A condition that doesn't come true in time raises TimeoutError."""
    with pytest.raises(TimeoutError):
        await sandbox.until(lambda: False, within=0.01)
