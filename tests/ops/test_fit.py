"""`friendli-deploy fit`, against a Hub on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web
from inline_snapshot import snapshot
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveInt

from bot.config import HubSettings
from bot.domain.instances import INSTANCE_OPTIONS, parse
from bot.ops import fit
from bot.ops.fit import ExitCode, FitQuery, run_fit
from tests.domain.published_models import MODELS

COMMIT = "0e9e39f249a16976918f6564b8830bc894c89659"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


class Option(BaseModel):
    """One instance option, as other tools read it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    instance_option_id: str
    gpu: Literal["A100", "H100", "H200", "B200"]
    count: Literal[1, 2, 4, 8]
    fit: Literal["fits", "tight", "too_small", "unknown"]
    missing_bytes: NonNegativeInt | None
    room_requests: NonNegativeInt | None
    price_per_hour: NonNegativeFloat


class Contract(BaseModel):
    """The JSON document, as other tools read it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    revision: str | None
    weights_bytes: int | None
    kv_bytes_per_token: int | None
    context: PositiveInt
    batch: PositiveInt
    blocked: str | None
    warnings: list[str]
    options: list[Option]


def llama_files() -> dict[str, int]:
    """The files of a model in two shards, with copies beside them that nobody loads."""
    return {
        "config.json": 855,
        "model.safetensors.index.json": 300,
        "model-00001-of-00002.safetensors": 9_000_000_000,
        "model-00002-of-00002.safetensors": 7_060_522_496,
        "original/consolidated.00.pth": 16_060_617_592,
        "consolidated.safetensors": 16_060_522_496,
    }


def test_the_contract_is_published() -> None:
    """Beside the command, as a JSON schema."""
    published = json.loads((Path(fit.__file__).parent / "fit.schema.json").read_text("utf-8"))
    assert published == Contract.model_json_schema()


@asynccontextmanager
async def hub(
    files: Mapping[str, int | None],
    config: object = None,
    *,
    gated: object = False,
    lists_sizes: bool = True,
    config_status: int = 200,
) -> AsyncIterator[HubSettings]:
    """A Hub with one model, and settings that lead there."""

    async def info(request: web.Request) -> web.Response:
        repo, _, revision = request.match_info["rest"].partition("/revision/")
        if repo != LLAMA or revision not in {"", COMMIT, "v1"}:
            return web.json_response({"error": "Repository not found"}, status=401)
        siblings = [
            {"rfilename": path, **({"size": size} if lists_sizes else {})}
            for path, size in files.items()
        ]
        return web.json_response({"sha": COMMIT, "gated": gated, "siblings": siblings})

    async def tree(request: web.Request) -> web.Response:
        assert request.query["recursive"] == "true"
        # As the first page of a long listing: it need not have every file.
        listed = [
            {"type": "file", "path": path, "size": size}
            for path, size in files.items()
            if path != "consolidated.safetensors"
        ]
        return web.json_response([{"type": "directory", "path": "original"}, *listed])

    async def resolve(request: web.Request) -> web.Response:
        if request.match_info["path"] == "config.json":
            return web.json_response(config, status=config_status)
        shards = [path for path in files if path.startswith("model-")]
        return web.json_response({"weight_map": {f"t{i}": path for i, path in enumerate(shards)}})

    app = web.Application()
    app.router.add_get("/api/models/{repo:[^/]+/[^/]+}/tree/{revision}", tree)
    app.router.add_get("/api/models/{rest:.+}", info)
    app.router.add_get("/{repo:[^/]+/[^/]+}/resolve/{revision}/{path:.+}", resolve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield HubSettings(hf_endpoint=f"http://{host}:{port}")
    finally:
        await runner.cleanup()


async def run(
    settings: HubSettings, question: FitQuery | None = None
) -> tuple[ExitCode, dict[str, Any]]:
    """Ask for JSON; whatever comes keeps the contract."""
    said: list[str] = []
    code = await run_fit(settings, question or FitQuery(LLAMA), as_json=True, say=said.append)
    contract = Contract.model_validate_json(said[0])
    known = {each.id for each in INSTANCE_OPTIONS}
    assert {each.instance_option_id for each in contract.options} <= known
    return code, json.loads(said[0])


@pytest.mark.parametrize("lists_sizes", [True, False])
async def test_a_model_that_fits_is_shown_with_its_arithmetic(*, lists_sizes: bool) -> None:
    """Only the indexed files count; sizes come from the tree where the info has none."""
    config = MODELS[LLAMA]["config"]
    async with hub(llama_files(), config, gated="manual", lists_sizes=lists_sizes) as settings:
        code, found = await run(settings, FitQuery(LLAMA, batch=4))
    assert code == 0
    assert found["revision"] == COMMIT
    assert found["weights_bytes"] == 16_060_522_496
    assert found["kv_bytes_per_token"] == 131_072
    assert len(found["options"]) == 16
    assert {option["fit"] for option in found["options"]} == {"fits"}
    assert "gated" in found["warnings"][0]


async def test_the_table_names_room_and_prices() -> None:
    """A line per option; here only one was requested."""
    said: list[str] = []
    async with hub(llama_files(), MODELS[LLAMA]["config"]) as settings:
        question = FitQuery(LLAMA, context=32_768, option=parse("1xH100"))
        await run_fit(settings, question, as_json=False, say=said.append)
    assert "\n".join(line.rstrip() for line in said[0].splitlines()) == snapshot("""\
meta-llama/Llama-3.1-8B-Instruct@0e9e39f
weights 16.1 GB · KV cache 128.0 KiB per token · 1 × 32768 tokens
instance  fit   room   $/h  $/month
1 × H100  fits    12  5.00    3,650\
""")


async def test_a_model_that_is_too_large_says_by_how_much() -> None:
    """And exits with 1."""
    big = {
        "config.json": 1,
        "model.safetensors.index.json": 1,
        "model-00001-of-00001.safetensors": 3_000_000_000_000,
    }
    async with hub(big, MODELS[LLAMA]["config"]) as settings:
        code, found = await run(settings)
    assert code == 1
    assert all(option["fit"] == "too_small" for option in found["options"])
    assert all(option["missing_bytes"] > 10**12 for option in found["options"])


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"model.gguf": 1}, "GGUF"),
        ({"adapter_config.json": 1, "adapter_model.safetensors": 1}, "LoRA"),
        ({"model_index.json": 1, "unet/model.safetensors": 1}, "diffusers"),
        ({"config.json": 1, "pytorch_model.bin": 1}, "no safetensors"),
        ({"config.json": 1, "weights/model.safetensors": 1}, "at its root"),
        ({"model.safetensors": 1}, "no config.json"),
    ],
)
async def test_what_cannot_be_served_says_why(files: dict[str, int], why: str) -> None:
    """And exits with 1."""
    async with hub(dict(files), {}) as settings:
        code, found = await run(settings)
    assert code == 1
    assert why in found["blocked"]


@pytest.mark.parametrize(
    "question", [FitQuery("org/none"), FitQuery(LLAMA, revision="nope")], ids=["repo", "revision"]
)
async def test_what_does_not_exist_is_blocked(question: FitQuery) -> None:
    """The Hub doesn't tell it from what is private."""
    async with hub(llama_files(), {}) as settings:
        code, found = await run(settings, question)
    assert code == 1
    assert found["blocked"] == (
        "The repo doesn't exist, or it is private and this bot's token can't see it. Friendli's own"
        " token may still read it."
    )


async def test_a_revision_is_resolved_to_its_commit() -> None:
    """A tag as well as a branch."""
    async with hub(llama_files(), MODELS[LLAMA]["config"]) as settings:
        _, found = await run(settings, FitQuery(LLAMA, revision="v1"))
    assert found["revision"] == COMMIT


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_a_config_that_cannot_be_read_leaves_the_answer_unknown(status: int) -> None:
    """The weights are known all the same."""
    async with hub(llama_files(), {}, gated=True, config_status=status) as settings:
        code, found = await run(settings)
    assert code == 2
    assert found["weights_bytes"] == 16_060_522_496
    assert {option["fit"] for option in found["options"]} == {"unknown"}
    assert len(found["warnings"]) == 2


async def test_unknown_attention_is_said() -> None:
    """Never zero."""
    config = MODELS["deepseek-ai/DeepSeek-V4-Pro"]["config"]
    async with hub(llama_files(), config) as settings:
        code, found = await run(settings)
    assert code == 2
    assert found["kv_bytes_per_token"] is None
    assert "compressed attention" in found["warnings"][0]


def test_a_hub_that_cannot_be_reached_exits_with_2() -> None:
    """Without any setting of Slack or Friendli."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SLACK")}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "fit", "org/model", "--gpu", "2xH100", "--json"],
        env={**bare, "HF_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert "can't be reached" in found["warnings"][0]
    assert [option["count"] for option in found["options"]] == [2]
