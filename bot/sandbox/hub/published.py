"""Repos of real models, from `models.json`.

Configs, bytes, parameter counts and gates are facts with their sources. Where the shards are cut,
downloads and chat templates are the sandbox's own, and every gate is "manual". A model whose bytes
nobody published isn't here.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

from bot.sandbox.hub.repo import File, Repo, json_file, refs_of, text_files, weight_files

# Bytes of a value by safetensors type.
_WIDTHS = {"F32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1, "U8": 1, "I8": 1}
_STORED_TYPES = {"bfloat16": "BF16", "float16": "F16"}
# What is published without a chat template.
_BASE_MODELS = (
    "meta-llama/Llama-2-", "mistralai/Mixtral-", "01-ai/Yi-34B", "bigcode/", "tiiuae/falcon-40b",
    "nvidia/Nemotron-H-56B-Base", "XiaomiMiMo/",
)  # fmt: skip
_EMBEDDING = ("bert", "embed", "e5-", "rerank", "minilm", "bge-")
_VISION = ("vision_config", "thinker_config", "llm_config")


@cache
def published_repos() -> dict[str, Repo]:
    """By name, the most downloaded first."""
    rows = json.loads((resources.files("bot.sandbox.hub") / "models.json").read_text("utf-8"))
    found: dict[str, Repo] = {}
    for number, row in enumerate(rows["models"]):
        files = _files(row)
        if files is None:
            continue
        pipeline = _pipeline(row)
        found[row["repo"]] = Repo(
            row["repo"],
            tuple(sorted(files, key=lambda file: file.path)),
            refs_of(row["repo"]),
            gated="manual" if row["gated"] else False,
            pipeline_tag=pipeline,
            library_name="diffusers" if pipeline == "text-to-image" else "transformers",
            parameters=_parameters(row),
            tags=_tags(row, files),
            downloads=2_000_000 // (number + 1),
        )
    return found


def _files(row: dict[str, Any]) -> list[File] | None:
    if row["repo"] in _WITHOUT_CONFIG:
        return [*_WITHOUT_CONFIG[row["repo"]], _README]
    size = _bytes(row)
    if size is None or row["config"] is None:
        return None
    return [
        *text_files(row["config"], chat=_is_chat(row), beside=row["config_beside"] or {}),
        *weight_files(size),
        *_copies(row["repo"], size),
        _README,
    ]


def _bytes(row: dict[str, Any]) -> int | None:
    if row["weight_bytes"] is not None:
        return int(row["weight_bytes"])
    counts = _parameters(row)
    if not counts or any(kind not in _WIDTHS for kind in counts):
        return None
    return sum(count * _WIDTHS[kind] for kind, count in counts.items())


def _parameters(row: dict[str, Any]) -> dict[str, int]:
    if row["params_by_dtype"]:
        return {kind.split()[0]: count for kind, count in row["params_by_dtype"].items()}
    config = row["config"] or {}
    kind = _STORED_TYPES.get(config.get("torch_dtype", ""))
    plain = "quantization_config" not in config and "float32" not in row["trap"]
    return {kind: row["params_total"]} if kind and plain and row["params_total"] else {}


def _pipeline(row: dict[str, Any]) -> str | None:
    name = row["repo"].lower()
    if "diffusion" in name:
        return "text-to-image"
    if any(word in name for word in _EMBEDDING):
        return "text-ranking" if "rerank" in name else "feature-extraction"
    config = row["config"] or {}
    if any(key in config for key in _VISION) or "-VL-" in row["repo"]:
        return "image-text-to-text"
    return "text-generation"


def _is_chat(row: dict[str, Any]) -> bool:
    writes = _pipeline(row) in {"text-generation", "image-text-to-text"}
    return writes and not row["repo"].startswith(_BASE_MODELS)


def _tags(row: dict[str, Any], files: list[File]) -> tuple[str, ...]:
    formats = {
        tag
        for file in files
        for end, tag in ((".safetensors", "safetensors"), (".gguf", "gguf"), (".bin", "pytorch"))
        if file.path.endswith(end)
    }
    architecture = (row["config"] or {}).get("model_type")
    return tuple(sorted(formats)) + ((architecture,) if architecture else ())


def _copies(repo: str, size: int) -> list[File]:
    """What some repos hold besides: the same weights once more, in another format or folder."""
    if repo.startswith("meta-llama/Llama-2-"):
        return [File("pytorch_model.bin", size)]
    if repo.startswith(("meta-llama/Meta-Llama-3", "meta-llama/Llama-3")):
        return [File("original/consolidated.00.pth", size)]
    if repo == "mistralai/Mistral-Nemo-Instruct-2407":
        return [File("consolidated.safetensors", size)]
    if repo.startswith("openai/gpt-oss"):
        return [File("original/model.safetensors", size), File("metal/model.bin", size)]
    if repo.startswith(("BAAI/", "sentence-transformers/", "intfloat/multilingual")):
        return [File("pytorch_model.bin", size), File("onnx/model.onnx", size)]
    return []


_README = File("README.md", 31, b"The sandbox has no model cards.")
_ADAPTER = json_file(
    "adapter_config.json",
    {"peft_type": "LORA", "base_model_name_or_path": "decapoda-research/llama-7b-hf", "r": 16},
)
# Only the names and the SDXL root file's bytes are published facts; the other sizes aren't.
_WITHOUT_CONFIG = {
    "stabilityai/stable-diffusion-xl-base-1.0": [
        json_file("model_index.json", {"_class_name": "StableDiffusionXLPipeline"}),
        File("sd_xl_base_1.0.safetensors", 6_938_078_334),
        File("unet/diffusion_pytorch_model.safetensors", 10_270_077_736),
    ],
    "tloen/alpaca-lora-7b": [_ADAPTER, File("adapter_model.bin", 67_201_357)],
    "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF": [
        File("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", 4_920_739_232),
        File("Meta-Llama-3.1-8B-Instruct-Q8_0.gguf", 8_540_775_840),
    ],
    "unsloth/DeepSeek-R1-GGUF": [
        File("DeepSeek-R1-Q4_K_M/DeepSeek-R1-Q4_K_M-00001-of-00009.gguf", 48_000_000_000),
    ],
}
