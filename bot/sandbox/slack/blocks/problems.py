"""Validation errors in the format of Slack's `response_metadata.messages`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

Path: TypeAlias = tuple[str | int, ...]
Naming: TypeAlias = Callable[[Path, str], str]
"""From an error's path and kind to Slack's error name."""

# Texts by pydantic's error types; braces take the error's context.
_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "extra_forbidden": "unknown field: {field}",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be an array",
    "literal_error": "must be {expected}",
    "missing": "missing field: {field}",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "refused": "{words}",
    "string_too_long": "must be at most {max_length} characters",
    "string_type": "must be a string",
    "too_long": "must have at most {max_length} items",
    "too_short": "must not be empty",
    "union_tag_invalid": "unsupported type: {tag}",
    "union_tag_not_found": "missing field: type",
}
# Errors of a field that Slack attributes to the object around it.
_ABOUT_A_FIELD = {"extra_forbidden", "missing"}
# A URL source's field has its type's name, but never occurs in a union.
_NEVER_A_TAG = "url"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for Slack to refuse a payload.

    Attributes:
        error: Slack's error name, such as `invalid_blocks`.
        detail: Such as `[ERROR] must not be blank [json-pointer:/blocks/0/text/text]`.
    """

    error: str
    detail: str


def problem(error: str, words: str, path: Path) -> Problem:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    pointer = "".join(f"/{step}" for step in steps)
    return Problem(error, f"[ERROR] {words} [json-pointer:{pointer}]")


def refusal(words: str, *at: str | int, error: str = "") -> PydanticCustomError:
    """What a validator raises about its value, or about a path (`at`) in it.

    `error` overrides the error name that the path would give.
    """
    return PydanticCustomError("refused", "{words}", {"words": words, "at": at, "error": error})


def problems_of(fault: ValidationError, payload: object, naming: Naming) -> list[Problem]:
    problems = []
    for found in fault.errors(include_url=False, include_input=False):
        kind, location, context = found["type"], found["loc"], found.get("ctx", {})
        if kind in _ABOUT_A_FIELD:
            path = _untagged(location[:-1], payload)
            context = {"field": location[-1]}
        else:
            path = _untagged(location, payload) + tuple(context.get("at", ()))
        words = _WORDS[kind].format_map(context) if kind in _WORDS else found["msg"]
        problems.append(problem(context.get("error") or naming(path, kind), words, path))
    return problems


def _untagged(location: Path, payload: object) -> Path:
    """The location without the tags that pydantic adds for unions."""
    path: list[str | int] = []
    here: object = payload
    tag: object = _tag(here)
    for step in location:
        if step == tag:
            tag = None
            continue
        path.append(step)
        here = _child(here, step)
        tag = _tag(here)
    return tuple(path)


def _tag(value: object) -> object:
    if not isinstance(value, Mapping):
        return None
    tag = value.get("type")
    return None if tag == _NEVER_A_TAG else tag


def _child(value: object, step: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int):
        return value[step]
    return None
