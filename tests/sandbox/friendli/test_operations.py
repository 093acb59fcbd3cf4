import json

import httpx
from inline_snapshot import snapshot

from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import (
    CHAT,
    ENDPOINTS,
    H200X2,
    PROJECT,
    create,
    create_body,
    listed,
)


async def test_create_answers_the_status_without_an_id(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Creating makes one endpoint and answers its status, which carries no id."""
    response = await create(api)

    assert (response.status_code, response.json()) == snapshot(
        (
            200,
            {
                "status": "INITIALIZING",
                "errorCode": None,
                "createdAt": "2026-10-02T09:00:00.250000Z",
                "updatedAt": "2026-10-02T09:00:00.250000Z",
                "phase": "REQUESTING_VIRTUAL_MACHINE",
            },
        )
    )
    assert [view.name for view in sandbox.endpoints.values()] == ["chat"]


async def test_create_takes_every_field_of_the_reference(api: httpx.AsyncClient) -> None:
    """Every documented field is accepted, explicit nulls where they are allowed included."""
    body = create_body(
        name="everything",
        instanceOptionId=H200X2,
        simplescale=None,
        autoscalingPolicy={"minReplica": 0, "maxReplica": 10, "cooldownPeriod": 600},
        hfModelRepoRevision="main",
        initialVersionComment="first",
        advanced={
            "max_batch_size": 32,
            "tokenizer_skip_special_tokens": False,
            "tokenizer_add_special_tokens": True,
            "max_token_count": 4096,
            "enable_content_logging": None,
            "max_input_length": 2048,
            "max_context_length": 8192,
            "queue_timeout_ms": 100,
            "queue_backpressure_metric_kind": "TTFT_MS",
            "queue_backpressure_metric_threshold": 1.5,
        },
    )

    assert (await api.post(ENDPOINTS, json=body)).status_code == 200
    (endpoint_id,) = await listed(api)
    spec = (await api.get(f"{ENDPOINTS}/{endpoint_id}")).json()
    assert spec == snapshot(
        {
            "name": "everything",
            "gpuType": "NVIDIA H200",
            "numGpu": 2,
            "instanceId": None,
            "projectId": "project-1",
            "creatorId": "user-sandbox",
            "teamId": "team-1",
            "autoscalingMin": 0,
            "autoscalingMax": 10,
            "autoscalingCooldown": 600,
            "maxBatchSize": 32,
            "maxInputLength": 2048,
            "maxContextLength": 8192,
            "tokenizerSkipSpecialTokens": False,
            "tokenizerAddSpecialTokens": True,
            "currReplicaCnt": 0,
            "desiredReplicaCnt": 1,
            "updatedReplicaCnt": 0,
        }
    )


async def test_without_scaling_the_documented_policy_defaults_apply(
    api: httpx.AsyncClient,
) -> None:
    """An endpoint created with neither way of scaling scales between 0 and 1."""
    await create(api, simplescale=None)

    (endpoint_id,) = await listed(api)
    spec = (await api.get(f"{ENDPOINTS}/{endpoint_id}")).json()
    scaling = spec["autoscalingMin"], spec["autoscalingMax"], spec["autoscalingCooldown"]
    assert scaling == (0, 1, 300)


async def test_list_maps_ids_to_statuses(api: httpx.AsyncClient) -> None:
    """The list shows each id with the same status that its own operation shows."""
    created = (await create(api)).json()

    page = (await api.get(ENDPOINTS, params={"project_id": PROJECT})).json()
    ((endpoint_id, status),) = page["data"].items()
    assert (status, page["nextCursor"]) == (created, None)
    own = await api.get(f"{ENDPOINTS}/{endpoint_id}/status")
    assert (own.status_code, own.json()) == (200, created)


async def test_list_without_a_project_shows_the_whole_team(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """Without project_id, or with an empty one, the endpoints of all projects are listed."""
    sandbox.add_project("project-2", "team-1")
    sandbox.add_project("project-3", "team-2")
    one = sandbox.create(project_id=PROJECT, name="one")
    two = sandbox.create(project_id="project-2", name="two")
    sandbox.create(project_id="project-3", name="another team's")

    everything = (await api.get(ENDPOINTS)).json()["data"]
    assert set(everything) == {one, two}
    assert (await api.get(ENDPOINTS, params={"project_id": ""})).json()["data"] == everything
    assert set(await listed(api)) == {one}


async def test_spec_tells_replicas_as_they_come_up(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """The spec counts no replica while starting, and all of them once up."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="three", replicas=3)

    async def counts() -> tuple[int, int, int]:
        spec = (await api.get(f"{ENDPOINTS}/{endpoint_id}")).json()
        return spec["currReplicaCnt"], spec["desiredReplicaCnt"], spec["updatedReplicaCnt"]

    assert await counts() == (0, 3, 0)
    clock.advance(248)
    assert await counts() == (3, 3, 3)


async def test_update_adds_a_version_and_rolls_it_out(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """An update answers the new spec, shows UPDATING for a while, and keeps the old version."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)

    response = await api.put(
        f"{ENDPOINTS}/{endpoint_id}",
        json={"instanceOptionId": H200X2, "newVersionComment": "larger", "name": None},
    )

    assert response.status_code == 200
    spec = response.json()
    assert (spec["name"], spec["gpuType"], spec["numGpu"]) == ("chat", "NVIDIA H200", 2)
    assert (spec["currReplicaCnt"], spec["updatedReplicaCnt"]) == (1, 0)
    assert sandbox.endpoints[endpoint_id].status == "UPDATING"
    clock.advance(180)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"
    versions = (await api.get(f"{ENDPOINTS}/{endpoint_id}/version")).json()
    assert [(key, spec["gpuType"]) for key, spec in versions["data"].items()] == [
        ("1", "NVIDIA H200"),
        ("0", "NVIDIA H100"),
    ]
    assert versions["nextCursor"] is None


async def test_update_changes_what_is_given_and_nothing_else(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Every field of an update lands in the spec or the endpoint's model."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)
    advanced = {
        "tokenizer_skip_special_tokens": False,
        "tokenizer_add_special_tokens": False,
        "max_batch_size": 7,
    }

    response = await api.put(
        f"{ENDPOINTS}/{endpoint_id}",
        json={
            "name": "renamed",
            "advanced": advanced,
            "simplescale": {"replicas": 2},
            "hfModelRepo": "sandbox/ready",
            "hfModelRepoRevision": "main",
        },
    )

    spec = response.json()
    assert (spec["name"], spec["maxBatchSize"], spec["autoscalingMin"]) == ("renamed", 7, 2)
    assert (spec["gpuType"], spec["tokenizerSkipSpecialTokens"]) == ("NVIDIA H100", False)
    clock.advance(180)
    view = sandbox.endpoints[endpoint_id]
    assert (view.model, view.status) == ("sandbox/ready", "READY")


async def test_sleep_and_wake(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """Sleeping shows at once; waking goes through the phases again, at half the time."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)

    asleep = await api.put(f"{ENDPOINTS}/{endpoint_id}/sleep")
    assert (asleep.status_code, asleep.json()["status"]) == (200, "SLEEPING")
    awaking = (await api.put(f"{ENDPOINTS}/{endpoint_id}/wake")).json()
    assert (awaking["status"], awaking["phase"]) == ("AWAKING", "REQUESTING_VIRTUAL_MACHINE")
    clock.advance(124)
    assert sandbox.endpoints[endpoint_id].status == "RUNNING"


async def test_terminate_restart_and_delete(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """An endpoint can be taken down, started again, taken down again and deleted for good."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    path = f"{ENDPOINTS}/{endpoint_id}"

    going = await api.put(f"{path}/terminate")
    assert (going.status_code, going.json()["status"]) == (200, "TERMINATING")
    clock.advance(20)
    assert sandbox.endpoints[endpoint_id].status == "TERMINATED"
    again = await api.put(f"{path}/restart")
    assert (again.status_code, again.json()["status"]) == (200, "INITIALIZING")
    await api.put(f"{path}/terminate")
    clock.advance(20)
    deleted = await api.delete(path)
    assert (deleted.status_code, deleted.json()) == (200, None)
    gone = await api.get(f"{path}/status")
    assert (gone.status_code, gone.json()) == (
        404,
        {"detail": f"Endpoint '{endpoint_id}' not found."},
    )
    assert await listed(api) == {}


async def test_chat_answers_in_openai_s_shape(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """A serving endpoint answers a chat with an answer, its usage and why it ended."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat", model="owner/model")
    clock.advance(248)
    messages = [{"role": "user", "content": "Hello"}]

    response = await api.post(
        CHAT, json={"model": endpoint_id, "messages": messages, "max_tokens": 16}
    )

    answer = json.dumps(response.json()).replace(endpoint_id, "ID")
    assert (response.status_code, json.loads(answer)) == snapshot(
        (
            200,
            {
                "id": "chatcmpl-ID",
                "object": "chat.completion",
                "created": 1790931848,
                "model": "ID",
                "choices": [
                    {
                        "index": 0,
                        "message": {
                            "role": "assistant",
                            "content": "Hello! How can I help you today?",
                        },
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 1, "completion_tokens": 7, "total_tokens": 8},
            },
        )
    )


async def test_chat_wakes_a_sleeping_endpoint(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, clock: SandboxClock
) -> None:
    """A request to a sleeping endpoint gets 503 and wakes it; later ones are answered."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    clock.advance(248)
    sandbox.sleep(endpoint_id)
    body = {"model": endpoint_id, "messages": [{"role": "user", "content": "Hello"}]}

    first = await api.post(CHAT, json=body)
    assert (first.status_code, sandbox.endpoints[endpoint_id].status) == (503, "AWAKING")
    assert (await api.post(CHAT, json=body)).status_code == 503
    clock.advance(124)
    assert (await api.post(CHAT, json=body)).status_code == 200


async def test_answers_carry_the_sandbox_time(api: httpx.AsyncClient, clock: SandboxClock) -> None:
    """The Date header is the sandbox clock's, in whole seconds, on refusals too."""
    assert (await api.get(ENDPOINTS)).headers["Date"] == "Fri, 02 Oct 2026 09:00:00 GMT"
    clock.advance(61)
    assert (await api.get("/nowhere")).headers["Date"] == "Fri, 02 Oct 2026 09:01:01 GMT"
