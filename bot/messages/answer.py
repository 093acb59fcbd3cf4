"""A short answer to one person."""

from collections.abc import Sequence

from bot.messages.blocks import Block, actions, context, section
from bot.messages.body import Body, body


def answer(text: str, *, hint: str = "", buttons: Sequence[Block] = ()) -> Body:
    """A sentence, small print, buttons. All mrkdwn."""
    blocks = [section(text)]
    if hint:
        blocks.append(context(hint))
    if buttons:
        blocks.append(actions(*buttons))
    return body(f"{text} {hint}".strip(), *blocks)
