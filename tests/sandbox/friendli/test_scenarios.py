import re
from datetime import timedelta

import httpx
import pytest
from inline_snapshot import snapshot

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import MODELS, FriendliSandbox
from bot.sandbox.friendli.lifecycle import FAILING_PHASES
from tests.sandbox.friendli.requests import PROJECT, create, listed, seen

Shown = tuple[str, str | None, str | None]


async def way(
    api: httpx.AsyncClient, clock: SandboxClock, endpoint_id: str, seconds: int
) -> list[Shown]:
    """What an endpoint shows within that time, without repetitions."""
    shown = [await seen(api, endpoint_id)]
    for _ in range(seconds // 5):
        clock.advance(5)
        now = await seen(api, endpoint_id)
        if now != shown[-1]:
            shown.append(now)
    return shown


def compact(shown: list[Shown]) -> list[str]:
    """The same in one line per moment."""
    return [" ".join(part for part in moment if part) for moment in shown]


@pytest.mark.parametrize(
    ("name", "error_code"),
    [(name, model.error_code) for name, model in MODELS.items() if model.error_code],
)
async def test_a_model_fails_in_the_fitting_phase(
    api: httpx.AsyncClient,
    sandbox: FriendliSandbox,
    clock: SandboxClock,
    name: str,
    error_code: str,
) -> None:
    """Each failing model goes as far as the phase in which its error strikes, then fails."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model=name)

    *phases, last = await way(api, clock, endpoint_id, 300)

    assert last == ("FAILED", None, error_code)
    assert phases[-1][1] == FAILING_PHASES.get(error_code, "ENGINE_INITIALIZING")


def test_every_documented_error_code_has_a_model() -> None:
    """The table has a model for each of the 14 documented error codes, and says so."""
    codes = {model.error_code for model in MODELS.values() if model.error_code}
    assert codes == {*FAILING_PHASES, "SANDBOX_UNHEARD_OF_ERROR"}
    assert len(FAILING_PHASES) == 14


@pytest.mark.parametrize("name", ["sandbox/hub-down", "sandbox/grpc-error"])
async def test_a_restart_heals_what_was_temporary(
    sandbox: FriendliSandbox, clock: SandboxClock, name: str
) -> None:
    """A temporary failure strikes the first start only."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model=name)
    clock.advance(248)
    assert sandbox.endpoints[endpoint_id].status == "FAILED"
    sandbox.restart(endpoint_id)
    clock.advance(248)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"


@pytest.mark.parametrize("name", ["sandbox/gated", "sandbox/out-of-memory"])
async def test_a_restart_does_not_heal_what_stays(
    sandbox: FriendliSandbox, clock: SandboxClock, name: str
) -> None:
    """A failure that has a lasting cause strikes every start."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model=name)
    clock.advance(248)
    sandbox.restart(endpoint_id)
    assert sandbox.endpoints[endpoint_id].status == "INITIALIZING"
    clock.advance(248)
    assert sandbox.endpoints[endpoint_id].status == "FAILED"


async def test_models_that_take_odd_ways(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Each odd model shows the way that its description promises."""
    ways: dict[str, list[str]] = {}
    for name in (
        "owner/any-other-name",
        "sandbox/ready",
        "sandbox/null-phases",
        "sandbox/skips-phases",
        "sandbox/out-of-order",
        "sandbox/new-status",
        "sandbox/unknown",
    ):
        endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model=name)
        ways[name] = compact(await way(api, clock, endpoint_id, 500))
    assert ways == snapshot(
        {
            "owner/any-other-name": [
                "INITIALIZING REQUESTING_VIRTUAL_MACHINE",
                "INITIALIZING DOWNLOADING_MODEL",
                "INITIALIZING ENGINE_INITIALIZING",
                "RUNNING",
            ],
            "sandbox/ready": [
                "INITIALIZING REQUESTING_VIRTUAL_MACHINE",
                "INITIALIZING DOWNLOADING_MODEL",
                "INITIALIZING ENGINE_INITIALIZING",
                "READY",
            ],
            "sandbox/null-phases": ["INITIALIZING", "RUNNING"],
            "sandbox/skips-phases": [
                "INITIALIZING REQUESTING_VIRTUAL_MACHINE",
                "INITIALIZING ENGINE_INITIALIZING",
                "RUNNING",
            ],
            "sandbox/out-of-order": [
                "INITIALIZING DOWNLOADING_MODEL",
                "INITIALIZING REQUESTING_VIRTUAL_MACHINE",
                "INITIALIZING ENGINE_INITIALIZING",
                "RUNNING",
            ],
            "sandbox/new-status": [
                "INITIALIZING REQUESTING_VIRTUAL_MACHINE",
                "PROVISIONING WARMING_CACHES",
                "INITIALIZING DOWNLOADING_MODEL",
                "INITIALIZING ENGINE_INITIALIZING",
                "RUNNING",
            ],
            "sandbox/unknown": [
                "INITIALIZING REQUESTING_VIRTUAL_MACHINE",
                "INITIALIZING DOWNLOADING_MODEL",
                "INITIALIZING ENGINE_INITIALIZING",
                "RUNNING",
                "UNKNOWN",
                "RUNNING",
            ],
        }
    )


async def test_a_flapping_model(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """The flapping model falls asleep and wakes twelve times, then stays up."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model="sandbox/flaps")
    clock.advance(248)

    shown = compact(await way(api, clock, endpoint_id, 1400))
    assert shown == ["RUNNING", "SLEEPING", "AWAKING ENGINE_INITIALIZING"] * 12 + ["RUNNING"]


async def test_a_slow_model(sandbox: FriendliSandbox, clock: SandboxClock) -> None:
    """The slow model takes ten times as long."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model="sandbox/slow")
    clock.advance(2479)
    assert sandbox.endpoints[endpoint_id].status == "INITIALIZING"
    clock.advance(1)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"


async def test_a_lost_reply(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """The endpoint is made and listed, though the client gets no reply."""
    with pytest.raises(httpx.TransportError):
        await create(api, hfModelRepo="sandbox/lost-reply")
    assert len(await listed(api)) == len(sandbox.endpoints) == 1


async def test_a_lost_request(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """Nothing is made and the client gets no reply."""
    with pytest.raises(httpx.TransportError):
        await create(api, hfModelRepo="sandbox/lost-request")
    assert sandbox.endpoints == {}


async def test_a_bad_gateway(api: httpx.AsyncClient) -> None:
    """The endpoint is made, though the client gets 502."""
    response = await create(api, hfModelRepo="sandbox/bad-gateway")
    assert (response.status_code, response.json()) == (502, {"detail": "Bad Gateway"})
    assert len(await listed(api)) == 1


@pytest.mark.parametrize(("name", "seconds"), [("sandbox/late", 90), ("sandbox/very-late", 900)])
async def test_a_late_listing(
    api: httpx.AsyncClient,
    sandbox: FriendliSandbox,
    clock: SandboxClock,
    name: str,
    seconds: int,
) -> None:
    """The reply is lost and the endpoint is made at once, but listed only after a while."""
    with pytest.raises(httpx.TransportError):
        await create(api, hfModelRepo=name)
    (view,) = sandbox.endpoints.values()
    clock.advance(seconds - 1)
    assert await listed(api) == {}
    clock.advance(1)
    assert set(await listed(api)) == {view.id}
    assert clock.now() - view.created_at == timedelta(seconds=seconds)


async def test_twins(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """One request makes two endpoints of the same name and spec, and its reply is lost."""
    with pytest.raises(httpx.TransportError):
        await create(api, hfModelRepo="sandbox/twins", name="twin")
    assert [view.name for view in sandbox.endpoints.values()] == ["twin", "twin"]
    assert len(await listed(api)) == 2


async def test_refusals(api: httpx.AsyncClient, sandbox: FriendliSandbox) -> None:
    """The refused models answer 422 in FastAPI's shape and 402 with words; nothing is made."""
    refused = await create(api, hfModelRepo="sandbox/refused")
    assert (refused.status_code, refused.json()) == snapshot(
        (
            422,
            {
                "detail": [
                    {
                        "loc": ["body", "hfModelRepo"],
                        "msg": "The model 'sandbox/refused' can't be deployed",
                        "type": "value_error",
                    }
                ]
            },
        )
    )
    broke = await create(api, hfModelRepo="sandbox/no-credit")
    assert (broke.status_code, broke.json()) == snapshot(
        (402, {"detail": "The team has no credit left. Add a payment method."})
    )
    assert sandbox.endpoints == {}


def test_every_model_is_described() -> None:
    """Each name is a repository name and has one line of description of its own."""
    assert all(re.fullmatch(r"sandbox/[a-z-]+", name) for name in MODELS)
    lines = [model.description for model in MODELS.values()]
    assert all(line.endswith(".") and "\n" not in line for line in lines)
    assert len(set(lines)) == len(lines)
