"""Marks in the deploy form: what Friendli said of a field below it, and where the cursor stands."""

from collections.abc import Iterator, Mapping, Sequence

from bot.commands.deploy_form_state import ACTION_PREFIX, FLAGS, FLAGS_ACTION
from bot.domain.request.refused_fields import label
from bot.messages.blocks import Block, context
from bot.messages.markup import escape

_SAID = "✗ Friendli refused this:"


def marked(blocks: Sequence[Block], refused: Mapping[str, str]) -> list[Block]:
    """Return a form's blocks with what Friendli said of a field right below it.

    Args:
        blocks: The form's.
        refused: Field of the draft → plain text. One that isn't shown is named at the top.
    """
    drawn: list[Block] = []
    left = dict(refused)
    for block in blocks:
        drawn.append(block)
        said = [left.pop(field) for field in _fields(block) if field in left]
        if said:
            drawn.append(context(*(f"{_SAID} {escape(words)}" for words in said)))
    unseen = [f"{_SAID} {escape(_named(field, words))}" for field, words in left.items()]
    return [*([context(*unseen[:10])] if unseen else []), *drawn]


def focused(blocks: Sequence[Block], field: str | None) -> list[Block]:
    """Return a form's blocks with the cursor in the field of the draft, if that is shown."""
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
