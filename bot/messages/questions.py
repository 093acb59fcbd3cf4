"""What is asked before a typed command costs money or breaks something."""

from decimal import Decimal

from bot.domain.operations import OperationKind
from bot.messages.blocks import ButtonStyle, actions, button, section
from bot.messages.body import Body, body
from bot.messages.buttons import ActionId
from bot.messages.markup import bold, money
from bot.messages.operations import WORDS
from bot.messages.preview import CANCEL_ACTION

_ACTIONS = {
    OperationKind.WAKE: ActionId.WAKE,
    OperationKind.RESTART: ActionId.RESTART,
    OperationKind.TERMINATE: ActionId.TERMINATE,
    OperationKind.DELETE: ActionId.DELETE,
}
_BREAKS = (OperationKind.TERMINATE, OperationKind.DELETE)


def ask(kind: OperationKind, name: str, price_once_up: Decimal | None, public_id: str) -> Body:
    """Whether to do it, with what it means.

    Args:
        kind: What is to be done.
        name: The endpoint's.
        price_once_up: Dollars per hour once it serves; None if that isn't known.
        public_id: The deployment that it belongs to.
    """
    text = f"{kind.capitalize()} {bold(name)}? {_meaning(kind, price_once_up)}"
    style: ButtonStyle = "danger" if kind in _BREAKS else "primary"
    yes = button(kind.capitalize(), _ACTIONS[kind], value=public_id, style=style)
    return body(text, section(text), actions(yes, button("Leave it", CANCEL_ACTION)))


def _meaning(kind: OperationKind, price_once_up: Decimal | None) -> str:
    if kind is OperationKind.TERMINATE:
        return "Requests to it fail from then on. It can be restarted."
    if kind is OperationKind.DELETE:
        return "It can't be brought back."
    if price_once_up is None:
        return "It is billed once it serves; at which price isn't known."
    return f"*{money(price_once_up)}* once it serves."


def under_way(kind: OperationKind, name: str, *, waits: bool = False) -> str:
    """It was accepted; `waits` if somebody has to approve it first."""
    if waits:
        return f"{bold(name)} isn't {WORDS[kind].being} yet: this waits for approval in its thread."
    return f"{bold(name)} is being {WORDS[kind].being}; its thread tells how it goes."
