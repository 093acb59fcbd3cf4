"""The Hub on loopback, by plain HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import GarbageBody, Respond
from bot.sandbox.friendli import MODELS
from bot.sandbox.hub import HubSandbox
from bot.sandbox.hub.rate_limits import Limits
from bot.sandbox.hub.scenarios import MISSING, SCENARIOS

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
QWEN = "Qwen/Qwen2.5-7B-Instruct"
READER = "sandbox-reader"
STRANGER = "sandbox-stranger"


@pytest.fixture
async def hub() -> AsyncIterator[HubSandbox]:
    async with HubSandbox(SandboxClock(0)) as sandbox:
        sandbox.add_token(READER, reads={LLAMA, "sandbox/private"})
        sandbox.add_token(STRANGER)
        yield sandbox


async def get(
    hub: HubSandbox, path: str, token: str | None = None, **query: str | list[str]
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    async with httpx.AsyncClient(base_url=hub.url, headers=headers) as client:
        return await client.get(path, params=query or None)


async def test_search_finds_by_name_the_most_downloaded_first(hub: HubSandbox) -> None:
    """With only what `expand` names."""
    found = (
        await get(
            hub,
            "/api/models",
            search="llama 8b",
            sort="downloads",
            limit="3",
            expand=["downloads", "gated", "safetensors", "pipeline_tag"],
        )
    ).json()
    assert len(found) == 3
    assert all("llama" in each["id"].lower() for each in found)
    downloads = [each["downloads"] for each in found]
    assert downloads == sorted(downloads, reverse=True)
    assert set(found[0]) == {
        "_id", "id", "modelId", "downloads", "gated", "safetensors", "pipeline_tag",
    }  # fmt: skip
    assert found[0]["gated"] == "manual"
    assert found[0]["safetensors"]["total"] == 8_030_261_248


async def test_search_continues_by_its_link(hub: HubSandbox) -> None:
    """To the end, without repeating anything."""
    names: list[str] = []
    path = f"{hub.url}/api/models?author=Qwen&limit=10"
    async with httpx.AsyncClient() as client:
        while path:
            answer = await client.get(path)
            names += [each["id"] for each in answer.json()]
            path = answer.links.get("next", {}).get("url", "")
    assert len(names) == len(set(names)) > 20


async def test_some_thirty_real_models_and_more_can_be_read(hub: HubSandbox) -> None:
    """Their shards add up to the published bytes, and the index names only what is there."""
    found = (await get(hub, "/api/models", filter="safetensors", limit="1000")).json()
    assert len(found) >= 30
    info = (await get(hub, f"/api/models/{QWEN}", blobs="true")).json()
    sizes = {each["rfilename"]: each["size"] for each in info["siblings"]}
    shards = [path for path in sizes if path.endswith(".safetensors")]
    assert sum(sizes[path] for path in shards) == 15_231_233_024
    async with httpx.AsyncClient(base_url=hub.url, follow_redirects=True) as client:
        there = f"/{QWEN}/resolve/{info['sha']}"
        index = (await client.get(f"{there}/model.safetensors.index.json")).json()
        config = (await client.get(f"{there}/config.json")).json()
        tokenizer = (await client.get(f"{there}/tokenizer_config.json")).json()
    assert set(index["weight_map"].values()) == set(shards)
    assert config["num_hidden_layers"] == 28
    assert tokenizer["chat_template"]


async def test_a_revision_leads_to_its_commit(hub: HubSandbox) -> None:
    """A branch, a tag and the commit itself; the refs list them."""
    refs = (await get(hub, f"/api/models/{QWEN}/refs")).json()
    [branch] = refs["branches"]
    for revision in ("main", branch["targetCommit"]):
        info = (await get(hub, f"/api/models/{QWEN}/revision/{revision}")).json()
        assert info["sha"] == branch["targetCommit"]
    tagged = (await get(hub, f"/api/models/{QWEN}/revision/v1")).json()
    assert tagged["sha"] == refs["tags"][0]["targetCommit"] != branch["targetCommit"]


async def test_a_tree_has_sizes_and_pages(hub: HubSandbox) -> None:
    """As the Hub does for a repo with more than a thousand files."""
    hub.tree_page = 2
    path = f"{hub.url}/api/models/{LLAMA}/tree/main?recursive=true"
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient() as client:
        while path:
            answer = await client.get(path)
            assert len(answer.json()) <= 2
            found += answer.json()
            path = answer.links.get("next", {}).get("url", "")
    paths = {each["path"]: each for each in found}
    assert paths["original"]["type"] == "directory"
    weights = [each for path, each in paths.items() if path.endswith(".safetensors")]
    assert sum(each["size"] for each in weights) == 16_060_522_496
    assert all(each["lfs"]["size"] == each["size"] for each in weights)
    root = (await get(hub, f"/api/models/{LLAMA}/tree/main", limit="2")).json()
    assert len(root) == 2


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("/api/models/org/missing", None, 401, "RepoNotFound"),
        ("/api/models/org/missing", STRANGER, 404, "RepoNotFound"),
        ("/api/models/sandbox/private", None, 401, "RepoNotFound"),
        ("/api/models/sandbox/private", STRANGER, 404, "RepoNotFound"),
        ("/api/models/sandbox/private", READER, 200, None),
        (f"/api/models/{LLAMA}", None, 200, None),
        (f"/{LLAMA}/resolve/main/config.json", None, 401, "GatedRepo"),
        (f"/{LLAMA}/resolve/main/config.json", STRANGER, 403, "GatedRepo"),
        (f"/{LLAMA}/resolve/main/config.json", READER, 307, None),
        (f"/{LLAMA}/resolve/main/config.json", "unknown", 401, None),
        (f"/api/models/{QWEN}/revision/nope", None, 404, "RevisionNotFound"),
        (f"/api/models/{QWEN}/tree/nope", None, 404, "RevisionNotFound"),
        (f"/{QWEN}/resolve/main/nope.json", None, 404, "EntryNotFound"),
        (f"/{QWEN}/resolve/nope/config.json", None, 404, "RevisionNotFound"),
        ("/api/models/gpt2", None, 307, None),
        ("/gpt2/resolve/main/config.json", None, 307, None),
    ],
)
async def test_refusals_have_the_documented_codes(
    hub: HubSandbox, path: str, token: str | None, status: int, code: str | None
) -> None:
    """Private and missing repos are refused alike; a gated one shows all but its files."""
    answer = await get(hub, path, token)
    assert (answer.status_code, answer.headers.get("X-Error-Code")) == (status, code)
    assert ("X-Error-Message" in answer.headers) == (status >= 400)


async def test_a_private_repo_is_found_only_by_its_readers(hub: HubSandbox) -> None:
    """A search doesn't tell of it either."""
    counts = [
        len((await get(hub, "/api/models", token, search="sandbox/private")).json())
        for token in (None, STRANGER, READER)
    ]
    assert counts == [0, 0, 1]


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("sandbox/gguf-only", ".gguf", "config.json"),
        ("sandbox/lora-adapter", "adapter_config.json", "config.json"),
        ("sandbox/diffusers", "model_index.json", "config.json"),
        ("sandbox/no-config", "model-00001-of-00004.safetensors", "config.json"),
        ("sandbox/no-safetensors", "config.json", ".safetensors"),
        ("sandbox/nested", "checkpoint-500/model.safetensors", "config.json"),
        (
            "sandbox/missing-shard",
            "model.safetensors.index.json",
            "model-00002-of-00004.safetensors",
        ),
        ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", ".gguf", "config.json"),
        ("tloen/alpaca-lora-7b", "adapter_config.json", "config.json"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "model_index.json", "config.json"),
    ],
)
async def test_what_cannot_be_served_shows_in_the_files(
    hub: HubSandbox, name: str, has: str, lacks: str
) -> None:
    """By their names at the repo's root."""
    info = (await get(hub, f"/api/models/{name}")).json()
    files = [each["rfilename"] for each in info["siblings"]]
    assert any(path.endswith(has) for path in files)
    missing = [path for path in files if lacks in (path, path[-len(lacks) :])]
    assert not [path for path in missing if lacks.startswith(".") or path == lacks]


def test_every_name_is_in_the_table_of_the_demo() -> None:
    """What the Hub shows as unservable fails at Friendli, too."""
    names = {name for name in (*SCENARIOS, *MISSING) if name.startswith("sandbox/")}
    assert names <= set(MODELS)
    runs = {name for name in names if MODELS[name].error_code is None}
    assert runs == {"sandbox/no-chat-template"}


async def test_rate_limits_count_per_caller_and_window(hub: HubSandbox) -> None:
    """The headers tell how many are left; a token has its own, and a new window starts at zero."""
    hub.set_limits(Limits({"api": 2, "resolvers": 5}, {"api": 3}))
    answers = [await get(hub, f"/api/models/{QWEN}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit"] == '"api";r=1;t=300'
    assert answers[2].headers["RateLimit"] == '"api";r=0;t=300'
    assert answers[2].headers["RateLimit-Policy"] == '"fixed window";"api";q=2;w=300'
    assert (
        (await get(hub, f"/api/models/{QWEN}", READER)).headers["RateLimit"].startswith('"api";r=2')
    )
    assert (await get(hub, f"/{QWEN}/resolve/main/config.json")).status_code == 307
    hub.clock.advance(300)
    assert (await get(hub, f"/api/models/{QWEN}")).status_code == 200


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/models", {"serach": "llama"}),
        ("/api/models", {"limit": "0"}),
        ("/api/models", {"sort": "size"}),
        ("/api/models", {"expand": "everything"}),
        ("/api/models", {"cursor": "nowhere"}),
        (f"/api/models/{QWEN}", {"full": "true"}),
        (f"/api/models/{QWEN}", {"blobs": "true", "expand": "sha"}),
        (f"/api/models/{QWEN}/tree/main", {"depth": "2"}),
    ],
)
async def test_unknown_parameters_are_refused(
    hub: HubSandbox, path: str, query: dict[str, str]
) -> None:
    """The real Hub may ignore them; here a misspelt one must show."""
    answer = await get(hub, path, **query)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["/api/datasets/a/b", "/api/models/a/b/c", "/a/b/raw/main/x"])
async def test_unknown_paths_are_refused(hub: HubSandbox, path: str) -> None:
    """And nothing but reading is possible."""
    assert (await get(hub, path)).status_code == 404
    async with httpx.AsyncClient(base_url=hub.url) as client:
        assert (await client.post(f"/api/models/{QWEN}")).status_code == 405


async def test_it_can_be_down_and_unreadable(hub: HubSandbox) -> None:
    """By faults, for one operation or all."""
    hub.faults.add(Respond(503))
    hub.faults.add(GarbageBody(), operation="list_models")
    assert (await get(hub, f"/api/models/{QWEN}")).status_code == 503
    assert (await get(hub, f"/api/models/{QWEN}")).status_code == 200
    answer = await get(hub, "/api/models")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        answer.json()
    assert [request.status for request in hub.requests] == [503, 200, 200]
