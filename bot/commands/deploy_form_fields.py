"""The kinds of fields in the deploy modal."""

import re
from collections.abc import Sequence

from bot.commands.deploy_form_state import (
    action_id,
)
from bot.domain.request.rules import LABELS
from bot.messages.blocks import Block, input_block, number_input

_NUMBER = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def number_field(
    field: str,
    typed: str | None,
    *,
    hint: str | None = None,
    placeholder: str | None = None,
    decimal: bool = False,
    optional: bool = False,
    redraw: bool = False,
) -> Block:
    """A field for a number, filled in with a valid one; `redraw` sends each typed character."""
    # Slack refuses a view whose initial number is none.
    valid = (_DECIMAL if decimal else _NUMBER).fullmatch((typed or "").strip())
    return input_block(
        LABELS[field],
        number_input(
            action_id(field),
            decimal=decimal,
            initial=valid[0] if valid else None,
            placeholder=placeholder,
            trigger="on_character_entered" if redraw else None,
        ),
        block_id=action_id(field),
        optional=optional,
        hint=hint,
        dispatch=redraw,
    )


def menu_field(
    field: str,
    options: Sequence[Block],
    chosen: Block | None,
    *,
    hint: str | None = None,
    optional: bool = False,
    redraw: bool = False,
) -> Block:
    element: Block = {
        "type": "static_select",
        "action_id": action_id(field),
        "options": list(options),
    }
    if chosen is not None:
        element["initial_option"] = chosen
    return input_block(
        LABELS[field],
        element,
        block_id=action_id(field),
        optional=optional,
        hint=hint,
        dispatch=redraw,
    )
