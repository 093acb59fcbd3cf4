"""Weights as they load: which files count, and what they weigh."""

import pytest

from bot.domain.weights import INDEX, RepoFiles, loaded_bytes
from tests.domain.published_models import MODELS

COUNTED = [
    repo
    for repo, model in MODELS.items()
    if model["params_by_dtype"]
    and model["weight_bytes"]
    and "BF16" in model["params_by_dtype"]
    and all(" " not in kind for kind in model["params_by_dtype"])
]


@pytest.mark.parametrize("repo", COUNTED)
def test_counts_by_type_come_within_two_percent_of_published_bytes(repo: str) -> None:
    """Where the Hub tells no sizes of files."""
    model = MODELS[repo]
    counted = loaded_bytes(
        RepoFiles({"model.safetensors": None}, parameters=model["params_by_dtype"], quantized=True)
    )
    assert counted == pytest.approx(model["weight_bytes"], rel=0.02)


def test_only_what_the_index_names_is_loaded() -> None:
    """Not the same weights in another format or folder."""
    files = RepoFiles(
        {
            INDEX: 1_000,
            "model-00001-of-00002.safetensors": 10,
            "model-00002-of-00002.safetensors": 5,
            "consolidated.safetensors": 15,
            "model.fp32.safetensors": 30,
            "original/model-00001-of-00002.safetensors": 15,
            "pytorch_model.bin": 15,
        },
        indexed=("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
    )
    assert loaded_bytes(files) == 15
    assert loaded_bytes(RepoFiles(files.sizes)) == 15


def test_one_file_goes_before_shards_without_an_index() -> None:
    """As engines look for it."""
    sizes = {"model.safetensors": 7, "model-00001-of-00001.safetensors": 7}
    assert loaded_bytes(RepoFiles(sizes)) == 7


def test_float32_loads_with_sixteen_bits() -> None:
    """Unless it is part of a quantization."""
    sizes = {"model.safetensors": 400}
    assert loaded_bytes(RepoFiles(sizes, parameters={"F32": 100})) == 200
    assert loaded_bytes(RepoFiles(sizes, parameters={"F32": 100}, quantized=True)) == 400


def test_what_nobody_tells_is_unknown() -> None:
    """No sizes, and no counts or counts of unknown types."""
    assert loaded_bytes(RepoFiles({"model.safetensors": None})) is None
    unknown = RepoFiles({"model.safetensors": None}, parameters={"F3": 8})
    assert loaded_bytes(unknown) is None
    assert loaded_bytes(RepoFiles({})) is None
