"""The question about a price above the limit."""

from collections.abc import Sequence
from decimal import Decimal

from bot.messages.blocks import Block, actions, button, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, money
from bot.messages.price_words import dollars_in_words

# Slack's limit of a modal's submit button, the shortest of all.
_LONGEST_LABEL = 24


def price_text(name: str, dollars: Decimal) -> str:
    """What a person agrees to, as mrkdwn."""
    return (
        f"{bold(name)} costs up to *{dollars_in_words(dollars)}* ({money(dollars)}). Is that what"
        " you want?"
    )


def agree_label(verb: str, dollars: Decimal) -> str:
    label = f"{verb} for {money(dollars)}"
    return label if len(label) <= _LONGEST_LABEL else f"{verb} at this price"


def question(
    name: str, dollars: Decimal, verb: str, action_id: str, value: str, others: Sequence[Block]
) -> Body:
    """A message with the price in words, and the button that agrees to it.

    Args:
        verb: What the button does, such as "Deploy".
        action_id: Of the button.
        value: Of the button; names what is agreed to, and the price.
        others: Further buttons.
    """
    text = price_text(name, dollars)
    agree = button(agree_label(verb, dollars), action_id, value=value, style="danger")
    return body(text, section(text), actions(agree, *others))
