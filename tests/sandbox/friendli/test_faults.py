import asyncio

import httpx
import pytest

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import (
    Call,
    DropRequest,
    FaultPlan,
    GarbageBody,
    Hang,
    LoseReply,
    Respond,
    Slow,
    TruncateBody,
)
from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import ENDPOINTS, NO_TLS, PROJECT, create, listed


@pytest.mark.parametrize("status", [401, 402, 404, 422, 429, 500, 502, 503])
async def test_an_answer_on_demand(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, status: int
) -> None:
    """A planned answer comes once, with its headers and body, and nothing is carried out."""
    answer = Respond(status, {"detail": "planned"}, {"Retry-After": "30"})
    sandbox.faults.add(answer, operation="create_endpoint")

    response = await create(api)
    assert (response.status_code, response.json()) == (status, {"detail": "planned"})
    assert response.headers["Retry-After"] == "30"
    assert sandbox.endpoints == {}
    assert (await create(api)).status_code == 200


async def test_an_answer_without_body_and_one_of_bytes(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A body may be missing, or be bytes that are sent as they are."""
    sandbox.faults.add(Respond(500))
    sandbox.faults.add(Respond(500, b"<html>", {"Content-Type": "text/html"}))

    assert (await api.get(ENDPOINTS)).content == b""
    second = await api.get(ENDPOINTS)
    assert (second.content, second.headers["Content-Type"]) == (b"<html>", "text/html")


async def test_an_answer_that_hides_a_success(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """An answer can replace the reply of a request that was carried out."""
    sandbox.faults.add(Respond(504, acts=True), operation="create_endpoint")
    assert (await create(api)).status_code == 504
    assert len(sandbox.endpoints) == 1


async def test_an_outage_lasts_until_it_is_removed(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A fault without a count strikes every request until it is removed."""
    outage = sandbox.faults.add(Respond(503), times=None)
    for _ in range(3):
        assert (await api.get(ENDPOINTS)).status_code == 503
    sandbox.faults.remove(outage)
    assert (await api.get(ENDPOINTS)).status_code == 200
    assert outage.taken == 3


async def test_a_fault_strikes_its_operation_and_condition_only(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A fault waits for the call it is meant for and lets all others pass."""
    sandbox.faults.add(
        Respond(500),
        operation="create_endpoint",
        when=lambda call: call.body.get("name") == "unlucky",
        times=2,
    )

    assert (await api.get(ENDPOINTS)).status_code == 200
    assert (await create(api, name="lucky")).status_code == 200
    assert [(await create(api, name="unlucky")).status_code for _ in range(3)] == [500, 500, 200]


async def test_a_dropped_request_and_a_lost_reply(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """To the client both look the same; only the lost reply was carried out."""
    sandbox.faults.add(DropRequest(), operation="create_endpoint")
    sandbox.faults.add(LoseReply(), operation="create_endpoint")

    with pytest.raises(httpx.TransportError):
        await create(api, name="dropped")
    with pytest.raises(httpx.TransportError):
        await create(api, name="made")
    assert [view.name for view in sandbox.endpoints.values()] == ["made"]


async def test_a_slow_reply(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """The request is carried out at once; the reply comes when the delay is over."""
    sandbox.faults.add(Slow(30), operation="create_endpoint")
    pending = asyncio.create_task(create(api))

    await sandbox.until(lambda: sandbox.endpoints)
    clock.advance(29)
    assert not sandbox.requests[-1].done
    clock.advance(1)
    assert (await pending).status_code == 200


@pytest.mark.parametrize(("acts", "made"), [(False, 0), (True, 1)])
async def test_a_request_that_hangs(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, *, acts: bool, made: int
) -> None:
    """A hanging request gets nothing until the plan is cleared, then the connection closes."""
    sandbox.faults.add(Hang(acts=acts), operation="create_endpoint")
    pending = asyncio.create_task(create(api))

    await sandbox.until(lambda: sandbox.requests and sandbox.requests[-1].acted == acts)
    sandbox.faults.add(Hang(), operation="list_endpoints")
    with pytest.raises(httpx.ReadTimeout):
        await api.get(ENDPOINTS, timeout=0.05)
    assert not pending.done()
    sandbox.faults.clear()
    with pytest.raises(httpx.TransportError):
        await pending
    assert len(sandbox.endpoints) == made
    assert (await api.get(ENDPOINTS)).status_code == 200


async def test_closing_cuts_hanging_requests(clock: SandboxClock) -> None:
    """A sandbox closes without waiting for requests that hang on a fault."""
    async with FriendliSandbox(clock=clock) as sandbox, httpx.AsyncClient(verify=NO_TLS) as client:
        sandbox.faults.add(Hang())
        pending = asyncio.create_task(client.get(sandbox.url))
        await sandbox.until(lambda: sandbox.requests)
        await sandbox.close()
        with pytest.raises(httpx.TransportError):
            await pending


async def test_a_sandbox_that_is_down_refuses_connections(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Between closing and starting again, connections are refused; nothing is forgotten."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    await sandbox.close()
    with pytest.raises(httpx.ConnectError):
        await api.get(ENDPOINTS)
    await sandbox.start()
    assert set(await listed(api)) == {endpoint_id}


async def test_a_truncated_body(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """A reply that breaks off is a transport error to the client, though it was carried out."""
    sandbox.faults.add(TruncateBody(), operation="create_endpoint")
    with pytest.raises(httpx.RemoteProtocolError):
        await create(api)
    assert len(await listed(api)) == 1


async def test_a_garbage_body(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """A reply of noise comes with the status and type of the real one."""
    sandbox.faults.add(GarbageBody(), operation="list_endpoints")
    response = await api.get(ENDPOINTS, params={"project_id": PROJECT})

    assert (response.status_code, response.headers["Content-Type"]) == (
        200,
        "application/json; charset=utf-8",
    )
    with pytest.raises(ValueError, match="utf-8"):
        response.json()


async def test_faults_strike_in_the_order_in_which_they_were_added() -> None:
    """Of several faults for a call, the earliest is taken first; an empty plan gives none."""
    plan = FaultPlan()
    first = plan.add(Respond(500))
    second = plan.add(Respond(502), operation="a")
    call = Call("a", "GET", "/")

    assert plan.faults == (first, second)
    assert [plan.take(call), plan.take(call), plan.take(call)] == [first, second, None]
    with pytest.raises(ValueError, match="at least 1"):
        plan.add(Respond(500), times=0)


async def test_clearing_leaves_a_model_s_own_fault(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """A planned fault goes before that of a model's name; clearing the plan keeps the latter."""
    sandbox.faults.add(Respond(503), operation="create_endpoint")
    assert (await create(api, hfModelRepo="sandbox/lost-reply")).status_code == 503
    sandbox.faults.clear()
    with pytest.raises(httpx.TransportError):
        await create(api, hfModelRepo="sandbox/lost-reply")
