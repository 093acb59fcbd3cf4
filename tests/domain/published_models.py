"""Facts of public models, with their sources, as rows of tests."""

import json
from pathlib import Path
from typing import Any

_FILE = json.loads((Path(__file__).parent / "models.json").read_text("utf-8"))
MODELS: dict[str, dict[str, Any]] = {model["repo"]: model for model in _FILE["models"]}
CLAIMS: list[dict[str, Any]] = _FILE["claims"]


def beside(model: dict[str, Any]) -> dict[str, Any] | None:
    """The hf_quant_config.json that lies beside a model's config.json."""
    found: dict[str, Any] = model["config_beside"] or {}
    return found.get("hf_quant_config.json")
