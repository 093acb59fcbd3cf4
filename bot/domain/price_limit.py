"""The price above which a click asks once more."""

from decimal import Decimal, InvalidOperation


def must_confirm(dollars: Decimal | None, agreed: Decimal | None, limit: Decimal) -> bool:
    """Whether a person has to agree to a price first.

    Args:
        dollars: Per hour at full scale; None if unknown.
        agreed: What the person agreed to; None for nothing.
        limit: Up to this, nobody is asked.
    """
    if dollars is None or dollars <= limit:
        return False
    return agreed is None or dollars > agreed


def agreed_price(written: str) -> Decimal | None:
    """A price from a button's value; None if there is none."""
    try:
        price = Decimal(written)
    except InvalidOperation:
        return None
    return price if price.is_finite() else None
