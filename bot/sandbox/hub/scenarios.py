"""Repos that show what can be wrong with one, and ordinary ones for tests.

Their names are those of `demo --models`. Every other name of the organisations in `OPEN` is an
ordinary 8B model.
"""

from collections.abc import Callable
from dataclasses import replace

from bot.sandbox.hub.published import published_repos
from bot.sandbox.hub.repo import (
    File,
    Json,
    Repo,
    json_file,
    refs_of,
    text_files,
    weight_files,
)

# Organisations of which every repo exists, unless a table here says otherwise.
OPEN = ("sandbox", "org")
MISSING = frozenset({"sandbox/missing", "org/missing"})
# The Hub's oldest models have moved to an organisation.
MOVED = {"gpt2": "openai-community/gpt2"}

_ORDINARY = "Qwen/Qwen3-8B"
_LARGE = "meta-llama/Llama-3.1-70B-Instruct"
_HUGE = "deepseek-ai/DeepSeek-V2"


def _like(model: str) -> Callable[[str], Repo]:
    """A repo with another one's files, neither gated nor often downloaded."""

    def build(name: str) -> Repo:
        return replace(
            published_repos()[model], id=name, refs=refs_of(name), gated=False, downloads=0
        )

    return build


def _holding(*files: File) -> Callable[[str], Repo]:
    def build(name: str) -> Repo:
        return Repo(name, files, refs_of(name), pipeline_tag="text-generation")

    return build


def _gated(name: str) -> Repo:
    return replace(_like(_ORDINARY)(name), gated="manual")


def _private(name: str) -> Repo:
    return replace(_like(_ORDINARY)(name), private=True)


def _without(path: str) -> Callable[[str], Repo]:
    def build(name: str) -> Repo:
        repo = _like(_ORDINARY)(name)
        return replace(repo, files=[file for file in repo.files if file.path != path])

    return build


def _unknown_architecture(name: str) -> Repo:
    config: Json = {
        "architectures": ["TesseractForCausalLM"],
        "model_type": "tesseract",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "kv_latent_size": 384,
        "torch_dtype": "bfloat16",
        "max_position_embeddings": 32768,
    }
    files = [*text_files(config, chat=True, beside={}), *weight_files(16_000_000_000)]
    return Repo(
        name,
        files,
        refs_of(name),
        pipeline_tag="text-generation",
        library_name="transformers",
        parameters={"BF16": 8_000_000_000},
    )


def _no_chat_template(name: str) -> Repo:
    repo = _like(_ORDINARY)(name)
    plain = json_file("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    return replace(
        repo,
        files=[plain if file.path == plain.path else file for file in repo.files],
    )


_ADAPTER = json_file(
    "adapter_config.json",
    {"peft_type": "LORA", "base_model_name_or_path": _ORDINARY, "r": 16},
)

SCENARIOS: dict[str, Callable[[str], Repo]] = {
    "sandbox/gated": _gated,
    "sandbox/private": _private,
    "sandbox/no-manifest": _without("config.json"),
    "sandbox/no-config": _without("config.json"),
    "sandbox/unsupported": _unknown_architecture,
    "sandbox/too-large": _like(_HUGE),
    "sandbox/out-of-memory": _like(_LARGE),
    "sandbox/gguf-only": _holding(File("model-Q4_K_M.gguf", 5_000_000_000)),
    "sandbox/lora-adapter": _holding(_ADAPTER, File("adapter_model.safetensors", 83_000_000)),
    "sandbox/diffusers": _holding(
        json_file("model_index.json", {"_class_name": "StableDiffusionXLPipeline"}),
        File("unet/diffusion_pytorch_model.safetensors", 5_000_000_000),
    ),
    "sandbox/no-safetensors": _holding(
        json_file("config.json", {"model_type": "llama"}), File("pytorch_model.bin", 16_000_000_000)
    ),
    "sandbox/nested": _holding(
        File("README.md", 2, b"-\n"),
        json_file("checkpoint-500/config.json", {"model_type": "llama"}),
        File("checkpoint-500/model.safetensors", 16_000_000_000),
    ),
    "sandbox/missing-shard": _without("model-00002-of-00004.safetensors"),
    "sandbox/no-chat-template": _no_chat_template,
    # Facts from memory: a float32 file, tied embeddings, 12 layers.
    "openai-community/gpt2": lambda name: Repo(
        name,
        [
            json_file(
                "config.json",
                {
                    "architectures": ["GPT2LMHeadModel"],
                    "model_type": "gpt2",
                    "n_layer": 12,
                    "n_embd": 768,
                    "n_head": 12,
                    "n_positions": 1024,
                    "vocab_size": 50257,
                },
            ),
            json_file("tokenizer_config.json", {"model_max_length": 1024}),
            File("model.safetensors", 548_105_171),
        ],
        refs_of(name),
        pipeline_tag="text-generation",
        library_name="transformers",
        parameters={"F32": 137_022_720},
        downloads=9_000_000,
    ),
}


def scenario_repo(name: str) -> Repo | None:
    """The repo of this name; None if there is none."""
    if name in MISSING:
        return None
    if name in SCENARIOS:
        return SCENARIOS[name](name)
    organisation, _, rest = name.partition("/")
    return _like(_ORDINARY)(name) if organisation in OPEN and rest else None
