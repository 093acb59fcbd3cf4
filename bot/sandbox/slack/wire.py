"""JSON documents between Slack and an app."""

import json
from typing import Any, TypeAlias

# Block Kit and payloads are open-ended: Slack adds fields and block types at any time, so no
# closed model could hold them. Each reader checks what it reads.
JsonObject: TypeAlias = dict[str, Any]


def encode(document: JsonObject) -> str:
    """Compact JSON, as Slack sends it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def decode_object(text: str | bytes) -> JsonObject | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
