"""JSON documents as they travel between Slack and an app."""

import json
from typing import Any, TypeAlias

# Block Kit and interaction payloads are open-ended: a newer Slack adds fields and block types at
# any time, so no closed model could hold them. What is read from them is checked where it is read.
JsonObject: TypeAlias = dict[str, Any]


def encode(document: JsonObject) -> str:
    """Return the document as compact JSON, the way Slack sends it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def decode_object(text: str | bytes) -> JsonObject | None:
    """Return the JSON object in `text`, or None if there is anything else."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
