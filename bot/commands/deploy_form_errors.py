"""Errors at the fields of the deploy modal, and its cursor."""

import re
from collections.abc import Iterator, Mapping, Sequence

from bot.commands.deploy_form_advanced import ADVANCED_FIELDS
from bot.commands.deploy_form_state import (
    ACTION_PREFIX,
    FLAGS,
    FLAGS_ACTION,
    INSTANCE_ID,
    blocks_by_field,
)
from bot.domain.request.refused_fields import label
from bot.domain.request.rules import LABELS, FieldError
from bot.messages.blocks import Block, context
from bot.messages.markup import escape

_SAID = "✗ Friendli refused this:"


def marked(
    blocks: Sequence[Block], refused: Mapping[str, str], wrong: Mapping[str, str]
) -> list[Block]:
    """Add error messages below their fields, or else above the form.

    Args:
        blocks: Of the form.
        refused: Friendli's, by field.
        wrong: Ours, by field.
    """
    drawn: list[Block] = []
    left = {field: f"{_SAID} {escape(words)}" for field, words in refused.items()}
    named = {field: f"{_SAID} {escape(_named(field, words))}" for field, words in refused.items()}
    left |= {field: f"✗ {escape(words)}" for field, words in wrong.items()}
    for block in blocks:
        drawn.append(block)
        errors = [left.pop(field) for field in _fields(block) if field in left]
        if errors:
            drawn.append(context(*errors))
    not_shown = [named.get(field, words) for field, words in left.items()]
    return [*([context(*not_shown[:10])] if not_shown else []), *drawn]


def has_hidden(field_errors: Sequence[FieldError], view: Mapping[str, object]) -> bool:
    """Whether an error is in an advanced field that isn't shown."""
    shown = blocks_by_field(view)
    return any(
        field_error.field in ADVANCED_FIELDS and field_error.field not in shown
        for field_error in field_errors
    )


def focused(blocks: Sequence[Block], field: str | None) -> list[Block]:
    drawn = []
    for block in blocks:
        element = block.get("element")
        if field is not None and field in _fields(block) and isinstance(element, dict):
            drawn.append(block | {"element": element | {"focus_on_load": True}})
        else:
            drawn.append(block)
    return drawn


def _fields(block: Block) -> Iterator[str]:
    element = block.get("element")
    action = element.get("action_id") if isinstance(element, dict) else None
    if action == FLAGS_ACTION:
        yield from FLAGS
    elif isinstance(action, str):
        yield action.removeprefix(f"{ACTION_PREFIX}.")


def _named(field: str, words: str) -> str:
    return f"{label(field)}: {words}"


def errors_by_block(
    field_errors: Sequence[FieldError], view: Mapping[str, object]
) -> dict[str, str]:
    """Errors for the response to a submission: block id → plain text.

    An error in a field that isn't shown goes below the last one shown before it.
    """
    shown = blocks_by_field(view)
    words: dict[str, list[str]] = {}
    for field_error in field_errors:
        own = shown.get(INSTANCE_ID) if field_error.field == "gpu" else None
        block = own or shown.get(field_error.field) or _nearest_block(field_error.field, shown)
        # Plain text has no code font, so the input is put in curly quotes.
        words.setdefault(block, []).append(re.sub(r"`([^`]*)`", r"“\1”", field_error.sentences))
    return {block: " ".join(said) for block, said in words.items()}


def _nearest_block(field: str, shown: Mapping[str, str]) -> str:
    order = list(LABELS)
    at = order.index(field)
    nearest = [*reversed(order[:at]), *order[at:]]
    return next(shown[other] for other in nearest if other in shown)
