"""Builders of Block Kit payloads, and the one way in which tests change them."""

import json
from typing import Any, TypeAlias

# Payloads are edited anywhere by pointer, so their type stays open.
Json: TypeAlias = Any
Payload: TypeAlias = dict[str, Json]

ABSENT = object()
"""Stands for a field that `changed` takes away."""


def plain(text: str) -> Payload:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Payload:
    """Return a mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def option(value: str) -> Payload:
    """Return an option that says its value."""
    return {"text": plain(value), "value": value}


def message(*blocks: Payload, **fields: Json) -> Payload:
    """Return a message with those blocks."""
    return {"channel": "C1", "text": "Deploying", "blocks": list(blocks), **fields}


def modal(*blocks: Payload, **fields: Json) -> Payload:
    """Return a modal with those blocks."""
    return {
        "type": "modal",
        "title": plain("Deploy"),
        "submit": plain("Deploy"),
        "blocks": list(blocks),
        **fields,
    }


def home(*blocks: Payload) -> Payload:
    """Return a Home tab with those blocks."""
    return {"type": "home", "blocks": list(blocks)}


def input_block(element: Payload, **fields: Json) -> Payload:
    """Return an input block around an element."""
    return {"type": "input", "label": plain("Model"), "element": element, **fields}


def actions(*elements: Payload) -> Payload:
    """Return an actions block."""
    return {"type": "actions", "elements": list(elements)}


def section(**fields: Json) -> Payload:
    """Return a section that says something."""
    return {"type": "section", "text": mrkdwn("*llama* is live"), **fields}


def rich(*elements: Payload) -> Payload:
    """Return a rich_text block, by default of one word."""
    words = {"type": "rich_text_section", "elements": [{"type": "text", "text": "48 s"}]}
    return {"type": "rich_text", "elements": list(elements) or [words]}


def task(task_id: str, **fields: Json) -> Payload:
    """Return a pending task card."""
    return {
        "type": "task_card",
        "task_id": task_id,
        "title": "Get a GPU",
        "status": "pending",
        **fields,
    }


def changed(payload: Payload, pointer: str, value: Json) -> Payload:
    """Return a copy with `value` at the pointer: set, appended (`/-`) or taken away (ABSENT)."""
    result: Payload = json.loads(json.dumps(payload))
    *parents, last = pointer.removeprefix("/").split("/")
    env: Json = result
    for step in parents:
        env = env[int(step) if isinstance(env, list) else step]
    if isinstance(env, list):
        if last == "-":
            env.append(value)
        else:
            env[int(last)] = value
    elif value is ABSENT:
        del env[last]
    else:
        env[last] = value
    return result
