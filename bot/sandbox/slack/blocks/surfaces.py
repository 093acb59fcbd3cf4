"""Validation of whole payloads: fields first, then rules across blocks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

from pydantic import ValidationError

from bot.sandbox.slack.blocks.messages import Message, error_name, has_too_many_blocks, too_large
from bot.sandbox.slack.blocks.problems import Path, Problem, problem, problems_of
from bot.sandbox.slack.blocks.selects import Suggestions
from bot.sandbox.slack.blocks.tree import Node, encoded_bytes, nodes, repeated, unsendable
from bot.sandbox.slack.blocks.views import MAX_VIEW_BYTES, ViewArgument

_Surface: TypeAlias = Literal["message", "modal", "home"]
_RULED_FIELDS = {"action_id", "block_id", "focus_on_load", "response_url_enabled", "task_id"}


def check_message(payload: Mapping[str, object]) -> list[Problem]:
    """Why Slack would refuse a message: the arguments of chat.* or the body for a response_url."""
    tree = list(nodes(payload))
    if found := [problem(error_name(p, "null"), words, p) for p, words in unsendable(tree)]:
        return found
    found = [problem(error, words, path) for path, words, error in too_large(payload)]
    try:
        message = Message.model_validate(dict(payload))
    except ValidationError as fault:
        return found + problems_of(fault, payload, error_name)
    for conflicts in (
        has_too_many_blocks(message.blocks or []),
        _conflicts(tree, ("blocks",), "message"),
    ):
        found += [problem("invalid_blocks", words, path) for path, words in conflicts]
    return found


def check_view(view: Mapping[str, object]) -> list[Problem]:
    """Why Slack would refuse a modal or a Home tab; JSON pointers start at `/view`."""
    payload = {"view": view}
    tree = list(nodes(payload))
    if found := [_argument(words, path) for path, words in unsendable(tree)]:
        return found
    if encoded_bytes(view) > MAX_VIEW_BYTES:
        return [problem("view_too_large", f"must take at most {MAX_VIEW_BYTES} bytes", ("view",))]
    try:
        parsed = ViewArgument.model_validate(payload)
    except ValidationError as fault:
        return problems_of(fault, payload, _invalid_arguments)
    conflicts = _conflicts(tree, ("view", "blocks"), parsed.view.type)
    return [_argument(words, path) for path, words in conflicts]


def check_suggestions(answer: Mapping[str, object]) -> list[Problem]:
    """Why Slack would show no options for a response to `block_suggestion`."""
    if found := [_argument(words, path) for path, words in unsendable(nodes(answer))]:
        return found
    try:
        Suggestions.model_validate(answer)
    except ValidationError as fault:
        return problems_of(fault, answer, _invalid_arguments)
    return []


def check_view_errors(errors: object, view: Mapping[str, object]) -> list[Problem]:
    """Why Slack would not show the errors of a `response_action` under their fields.

    Args:
        errors: Texts by the block_id of an input block.
        view: The submitted view, with its block_ids.
    """
    if not isinstance(errors, Mapping) or not errors:
        return [_argument("must be an object with at least one field", ("errors",))]
    blocks = view.get("blocks")
    inputs = {
        block.get("block_id")
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, Mapping) and block.get("type") == "input"
    }
    found = []
    for block_id, words in errors.items():
        path = ("errors", str(block_id))
        if block_id not in inputs:
            found.append(_argument("must be named like an input block of the view", path))
        if not isinstance(words, str) or not words.strip():
            found.append(_argument("must be a string that is not blank", path))
    return found


def _conflicts(tree: Iterable[Node], root: Path, surface: _Surface) -> Iterator[tuple[Path, str]]:
    """Yield conflicts of valid blocks at `root` with each other or with the surface."""
    depth = len(root)
    ruled = [
        (path, value) for path, value in tree if path[:depth] == root and path[-1] in _RULED_FIELDS
    ]
    yield from repeated(ruled, "block_id")
    yield from repeated(ruled, "task_id")
    yield from repeated(ruled, "action_id", within=depth + 1)
    focused = 0
    for path, value in ruled:
        match path[-1]:
            case "focus_on_load" if value is True:
                focused += 1
                if surface == "message":
                    yield path, "must not be true outside views"
                elif focused > 1:
                    yield path, "must be true for one element of a view at most"
            case "response_url_enabled" if surface != "modal" or path[-2] != "element":
                yield path, "must stand in an input block of a modal"


def _argument(words: str, path: Path) -> Problem:
    return problem("invalid_arguments", words, path)


def _invalid_arguments(_path: Path, _kind: str) -> str:
    return "invalid_arguments"
