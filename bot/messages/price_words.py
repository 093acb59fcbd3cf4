"""A price in words, so that nobody overlooks a zero."""

from decimal import Decimal

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"))
_MOST = 900_000_000_000


def dollars_in_words(per_hour: Decimal) -> str:
    """Such as "seven thousand two hundred dollars an hour"."""
    if per_hour > _MOST:
        return "more than nine hundred billion dollars an hour"
    dollars, cents = divmod(int(round(per_hour, 2) * 100), 100)
    words = _counted(dollars, "dollar")
    if cents:
        words += f" and {_counted(cents, 'cent')}"
    return f"{words} an hour"


def _counted(number: int, unit: str) -> str:
    return f"{_words(number)} {unit}{'' if number == 1 else 's'}"


def _words(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    parts = []
    for size, name in _SCALES:
        count, number = divmod(number, size)
        if count:
            parts.append(f"{_words(count)} {name}")
    hundreds, number = divmod(number, 100)
    if hundreds:
        parts.append(f"{_SMALL[hundreds]} hundred")
    if number >= len(_SMALL):
        tens, ones = divmod(number, 10)
        parts.append(_TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else ""))
    elif number:
        parts.append(_SMALL[number])
    return " ".join(parts)
