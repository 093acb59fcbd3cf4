"""Facts of public models, with their sources, as rows of tests; the sandbox's Hub serves them."""

import json
from importlib import resources
from typing import Any

_FILE = json.loads((resources.files("bot.sandbox.hub") / "models.json").read_text("utf-8"))
MODELS: dict[str, dict[str, Any]] = {model["repo"]: model for model in _FILE["models"]}
CLAIMS: list[dict[str, Any]] = _FILE["claims"]


def beside(model: dict[str, Any]) -> dict[str, Any] | None:
    """The hf_quant_config.json that lies beside a model's config.json."""
    found: dict[str, Any] = model["config_beside"] or {}
    return found.get("hf_quant_config.json")
