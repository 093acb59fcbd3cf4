from decimal import Decimal

import httpx
import pytest

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import ApiError, Durations, FriendliSandbox, Segment
from tests.sandbox.friendli.requests import CHAT, ENDPOINTS, PROJECT, TEAM, create, listed, seen

RUNNING = ("RUNNING", None, None)


async def test_an_endpoint_starts_phase_by_phase(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """A start takes 48, 80 and 120 s in its three phases, and the status tells since when."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")

    assert await seen(api, endpoint_id) == ("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE", None)
    clock.advance(47.9)
    assert await seen(api, endpoint_id) == ("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE", None)
    clock.advance(0.1)
    assert await seen(api, endpoint_id) == ("INITIALIZING", "DOWNLOADING_MODEL", None)
    clock.advance(80)
    assert await seen(api, endpoint_id) == ("INITIALIZING", "ENGINE_INITIALIZING", None)
    clock.advance(1000)
    assert await seen(api, endpoint_id) == RUNNING
    status = (await listed(api))[endpoint_id]
    assert (status["createdAt"], status["updatedAt"]) == (
        "2026-10-02T09:00:00.250000Z",
        "2026-10-02T09:04:08.250000Z",
    )


async def test_durations_can_be_set(clock: SandboxClock) -> None:
    """A sandbox with its own durations lives by them."""
    durations = Durations(
        requesting_virtual_machine=1, downloading_model=2, engine_initializing=3, waking_factor=2
    )
    async with FriendliSandbox(clock=clock, durations=durations) as sandbox:
        sandbox.add_project(PROJECT, TEAM)
        endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
        clock.advance(6)
        assert sandbox.endpoints[endpoint_id].status == "RUNNING"
        sandbox.sleep(endpoint_id)
        sandbox.wake(endpoint_id)
        clock.advance(11.9)
        assert sandbox.endpoints[endpoint_id].status == "AWAKING"
        clock.advance(0.1)
        assert sandbox.endpoints[endpoint_id].status == "RUNNING"


async def test_a_fast_start_is_billed_by_the_same_clock_as_everything_else(
    sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """At 30 × a start takes 8 s; 9 minutes of service cost 9 minutes, and idling lasts as asked."""
    sandbox.start_speed = 30
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", sleeps_after=600)
    clock.advance(248 / 30)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"
    clock.advance(540)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"
    # An H100 for $5.00/h.
    assert round(sandbox.endpoints[endpoint_id].charged, 2) == Decimal("0.75")
    clock.advance(61)
    assert sandbox.endpoints[endpoint_id].status == "SLEEPING"


async def test_the_speed_of_a_start_changes_on_the_way(
    sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """What is left of the start takes so much longer or shorter; at 0 it goes no further."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(24)
    sandbox.start_speed = 0
    clock.advance(3600)
    assert sandbox.endpoints[endpoint_id].phase == "REQUESTING_VIRTUAL_MACHINE"
    sandbox.start_speed = 10
    clock.advance(2.5)
    assert sandbox.endpoints[endpoint_id].phase == "DOWNLOADING_MODEL"
    clock.advance(20)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"
    with pytest.raises(ValueError, match="negative"):
        sandbox.start_speed = -1


async def test_an_idle_endpoint_falls_asleep_after_its_cooldown(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """With no replica to keep, an endpoint stops after its cool-down and then sleeps."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", sleeps_after=300)

    clock.advance(248 + 299)
    assert await seen(api, endpoint_id) == RUNNING
    clock.advance(1)
    assert await seen(api, endpoint_id) == ("STOPPING", None, None)
    clock.advance(10)
    assert await seen(api, endpoint_id) == ("SLEEPING", None, None)


async def test_inference_puts_sleep_off(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Each inference request begins the cool-down anew, without a change of status."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", sleeps_after=300)
    clock.advance(248 + 299)
    body = {"model": endpoint_id, "messages": [{"role": "user", "content": "Hello"}]}

    assert (await api.post(CHAT, json=body)).status_code == 200
    clock.advance(299)
    status = (await api.get(f"{ENDPOINTS}/{endpoint_id}/status")).json()
    assert (status["status"], status["updatedAt"]) == ("RUNNING", "2026-10-02T09:04:08.250000Z")
    clock.advance(1)
    assert sandbox.endpoints[endpoint_id].status == "STOPPING"


async def test_a_fixed_count_of_replicas_never_sleeps(
    sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """An endpoint with replicas to keep stays up without any request."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(7 * 24 * 3600)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"


async def test_an_update_of_a_sleeping_endpoint_waits_for_it_to_wake(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Updating something that isn't up adds a version and changes no status."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)
    sandbox.sleep(endpoint_id)

    response = await api.put(f"{ENDPOINTS}/{endpoint_id}", json={"hfModelRepo": "sandbox/ready"})
    assert response.status_code == 200
    assert sandbox.endpoints[endpoint_id].status == "SLEEPING"
    sandbox.wake(endpoint_id)
    clock.advance(124)
    assert sandbox.endpoints[endpoint_id].status == "READY"


async def test_an_update_to_a_model_that_fails(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """A roll-out that fails ends in FAILED with the code."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)

    await api.put(f"{ENDPOINTS}/{endpoint_id}", json={"hfModelRepo": "sandbox/out-of-memory"})
    assert await seen(api, endpoint_id) == ("UPDATING", None, None)
    clock.advance(180)
    assert await seen(api, endpoint_id) == ("FAILED", None, "INFERENCE_ENGINE_MEMORY_ERROR")


async def test_the_next_start_can_be_made_to_fail(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """fail_next strikes one start, in the phase that fits the code; the next one works."""
    sandbox.fail_next("WORKLOAD_INIT_DOWNLOAD_ERROR")
    await create(api)
    (endpoint_id,) = await listed(api)

    clock.advance(48 + 39)
    assert await seen(api, endpoint_id) == ("INITIALIZING", "DOWNLOADING_MODEL", None)
    clock.advance(1)
    assert await seen(api, endpoint_id) == ("FAILED", None, "WORKLOAD_INIT_DOWNLOAD_ERROR")
    sandbox.restart(endpoint_id)
    clock.advance(248)
    assert await seen(api, endpoint_id) == RUNNING


async def test_a_status_can_be_pinned(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """A status set by hand stays, whatever it is, until something is done to the endpoint."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.set_status(endpoint_id, "REBALANCING", "SHUFFLING", "SOMETHING_NEW")

    clock.advance(10_000)
    assert await seen(api, endpoint_id) == ("REBALANCING", "SHUFFLING", "SOMETHING_NEW")
    sandbox.terminate(endpoint_id)
    assert await seen(api, endpoint_id) == ("TERMINATING", None, None)


async def test_a_way_can_be_scripted_by_id_and_by_name(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """A script replaces the way ahead, of an endpoint that is there or of one to come."""
    segments = [
        Segment("INITIALIZING", "DOWNLOADING_MODEL", hold=5),
        Segment("FAILED", error_code="ODD"),
    ]
    existing = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.script(existing, segments)
    sandbox.script("to come", segments)
    coming = sandbox.create(project_id=PROJECT, name="to come")

    for endpoint_id in (existing, coming):
        assert await seen(api, endpoint_id) == ("INITIALIZING", "DOWNLOADING_MODEL", None)
    clock.advance(5)
    for endpoint_id in (existing, coming):
        assert await seen(api, endpoint_id) == ("FAILED", None, "ODD")


async def test_controls_refuse_what_the_api_would_refuse(sandbox: FriendliSandbox) -> None:
    """A control raises where the state doesn't allow it, and for an unknown endpoint."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")

    with pytest.raises(ApiError, match="400: An endpoint that is INITIALIZING can't be woken"):
        sandbox.wake(endpoint_id)
    with pytest.raises(ApiError, match="404: Endpoint 'nothing' not found"):
        sandbox.terminate("nothing")


async def test_an_endpoint_can_vanish(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """Deleting by hand works in any state; lists and its own status miss it at once."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.delete(endpoint_id)

    assert await listed(api) == {}
    assert (await api.get(f"{ENDPOINTS}/{endpoint_id}/status")).status_code == 404
