"""What a config says of the weights."""

from typing import Any

import pytest

from bot.domain.model_config import dtype_of, parameters_of, quantization_of
from tests.domain.published_models import MODELS, beside


@pytest.mark.parametrize(
    ("repo", "name"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "awq 4-bit"),
        ("Qwen/Qwen3-32B-FP8", "fp8"),
        ("openai/gpt-oss-20b", "mxfp4"),
        ("nvidia/Gemma-4-31B-IT-NVFP4", "modelopt NVFP4"),
        ("nvidia/Llama-3.1-70B-Instruct-FP8", "FP8"),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "bitsandbytes 4-bit"),
        ("meta-llama/Llama-2-7b-hf", None),
    ],
)
def test_a_quantization_has_a_name(repo: str, name: str | None) -> None:
    """Wherever it is declared: in the config or beside it."""
    model = MODELS[repo]
    assert quantization_of(model["config"], beside(model)) == name


@pytest.mark.parametrize(
    ("config", "counts", "parameters"),
    [
        ({}, {}, None),
        ({}, {"BF16": 8_000}, 8_000),
        ({}, {"F32": 10, "I32": 1}, 11),
        ({"quantization_config": {"bits": 4}}, {"F16": 1_000, "I32": 900}, 8_200),
        ({"quantization_config": {}}, {"F16": 1_000, "I32": 900}, None),
        ({"quantization_config": {"quant_method": "mxfp4"}}, {"BF16": 1_000, "U8": 9_000}, None),
    ],
)
def test_packed_values_count_each(
    config: dict[str, Any], counts: dict[str, int], parameters: int | None
) -> None:
    """Where nobody tells their width, the number is unknown."""
    assert parameters_of(config, None, counts) == parameters


@pytest.mark.parametrize(
    ("config", "counts", "name"),
    [
        ({"torch_dtype": "bfloat16"}, {}, "bf16"),
        ({"text_config": {"dtype": "torch.float16"}}, {}, "fp16"),
        ({"torch_dtype": "bfloat16"}, {"F8_E4M3": 90, "BF16": 10}, "fp8"),
        ({"torch_dtype": "bfloat16"}, {"I32": 90, "F16": 10}, "bf16"),
        ({"torch_dtype": "float64"}, {}, None),
    ],
)
def test_most_weights_name_the_type(
    config: dict[str, Any], counts: dict[str, int], name: str | None
) -> None:
    """The config's word counts only where the files say nothing."""
    assert dtype_of(config, counts) == name
