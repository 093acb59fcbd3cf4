"""What a command asks before it costs money or breaks something."""

from decimal import Decimal
from typing import assert_never

from bot.domain.operations import CommandFacts, Confirmation, OperationKind
from bot.domain.statuses import facts_of
from bot.messages.blocks import ButtonStyle, actions, button, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, escape, money
from bot.messages.preview import CANCEL_ACTION


def ask(
    kind: OperationKind, name: str, price_once_up: Decimal | None, public_id: str
) -> Body | None:
    """Ask whether to do it, with the consequences; None if nothing is asked.

    Args:
        price_once_up: Dollars per hour once it serves; None if unknown.
    """
    command = kind.facts.command
    meaning = None if command is None else _meaning(command, price_once_up)
    if command is None or meaning is None:
        return None
    text = f"{kind.capitalize()} {bold(name)}? {meaning}"
    style: ButtonStyle = "danger" if command.warning else "primary"
    yes = button(kind.capitalize(), kind.action_id, value=public_id, style=style)
    return body(text, section(text), actions(yes, button("Cancel", CANCEL_ACTION)))


def _meaning(command: CommandFacts, price_once_up: Decimal | None) -> str | None:
    match command.confirmation:
        case Confirmation.NONE:
            return None
        case Confirmation.PRICE:
            return _cost(price_once_up)
        case Confirmation.WARNING | Confirmation.TYPED_NAME:
            return command.warning
        case _ as unknown:
            assert_never(unknown)


def _cost(price_once_up: Decimal | None) -> str:
    if price_once_up is None:
        return "Price unknown; billed while live."
    return f"*{money(price_once_up)}* while live."


def unfit(kind: OperationKind, status: str | None) -> str:
    """Completes "<name> …": why there is nothing to do; mrkdwn."""
    now = escape(facts_of(status).name) if status else "starting"
    if status in kind.facts.effect:
        return f"is already {now}"
    return f"is {now}, so it can't be {kind.facts.words.being}"


def under_way(kind: OperationKind, name: str, *, waits: bool = False) -> str:
    """It was accepted; `waits` if it needs approval first."""
    being = kind.facts.words.being
    if waits:
        return f"{bold(name)} isn't {being} yet: it waits for approval in its thread."
    return f"{bold(name)} is being {being}; see its thread."
