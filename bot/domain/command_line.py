"""Split the text of a slash command into words, as a shell would.

Slack wraps addresses, users and channels in markup and escapes three characters; phones turn
straight quotes into curly ones. Python's `shlex` knows no curly quotes and no positions of words,
which a corrected line needs.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.errors import UserError
from bot.domain.text import unescape

LONGEST = 4_000
"""Characters of a command, as Slack sends it."""

# Phones turn two hyphens into one of these: figure dash to horizontal bar, and minus. For use
# inside the brackets of a regular expression.
DASHES = "\N{FIGURE DASH}-\N{HORIZONTAL BAR}\N{MINUS SIGN}"

_MARKUP = re.compile(r"<([^<>|\s]+)(?:\|([^<>]*))?>")
_DOUBLE = (
    '"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}'
)
_SINGLE = "'\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
_CURLY_SINGLE = _SINGLE[1:]
_NEXT_OPTION = re.compile(rf"\s(?:--|[{DASHES}])[A-Za-z]")
_HELP = re.compile(rf"[-{DASHES}]{{1,2}}(?:help|h)", re.IGNORECASE)
_BARE = re.compile(r"[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*")


def require_short(text: str) -> None:
    """Raise UserError for a command of more than 4,000 characters."""
    if len(text) > LONGEST:
        raise UserError(
            f"This command is longer than {LONGEST:,} characters, so I didn't run it.",
            hint="Shorten it and send it again.",
        )


def typed(text: str) -> str:
    """The line as the user saw it: Slack's markup unwrapped, its entities decoded."""
    return unescape(_MARKUP.sub(_unwrapped, text))


def _unwrapped(markup: re.Match[str]) -> str:
    target, label = markup[1], markup[2]
    if target[0] in "@#!":
        sign = "#" if target[0] == "#" else "@"
        return sign + (label or target.lstrip("@#!")).removeprefix(sign)
    # Slack links text that looks like an address; the label is the original.
    if label and label in {target.partition("://")[2], target.removeprefix("mailto:")}:
        return label
    return target.removeprefix("mailto:")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line.

    Attributes:
        text: Without the quotes around and in it.
        bare: How many of the text's first characters were unquoted.
    """

    text: str
    bare: int
    start: int
    end: int


class Edit(NamedTuple):
    """A part of a line and its replacement."""

    start: int
    end: int
    text: str = ""


class UnclosedQuoteError(ValueError):
    """A quote without an end.

    Attributes:
        start: The position of the word with the quote.
        opened: The position of the quote.
    """

    def __init__(self, start: int, opened: int) -> None:
        self.start = start
        self.opened = opened
        super().__init__(f"a quote at {opened} is not closed")


def words(line: str) -> list[Word]:
    r"""Split a line at its spaces, outside quotes.

    As in a shell, 'single' quotes keep everything, "double" quotes keep everything but `\"` and
    `\\`, and outside them a backslash keeps the next character. Curly quotes count as straight
    ones at the start of a word or a value; in the middle of a word they are letters.

    Raises:
        UnclosedQuoteError: A quote has no end.
    """
    found = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
        else:
            word = _word(line, at)
            found.append(word)
            at = word.end
    return found


def asks_for_help(text: str) -> bool:
    """Whether a line, as Slack sends it, has `--help` or `-h` anywhere outside quotes."""
    try:
        found = words(typed(text))
    except UnclosedQuoteError:
        return False
    return any(word.bare and _HELP.fullmatch(word.text) for word in found)


def _word(line: str, start: int) -> Word:
    text: list[str] = []
    bare: int | None = None
    at = start
    while at < len(line) and not line[at].isspace():
        character = line[at]
        opens = character in "\"'" or (at == start or line[at - 1] == "=")
        if opens and character in _DOUBLE + _SINGLE:
            bare = len(text) if bare is None else bare
            closed = _closing_quote(line, at, start)
            inside = line[at + 1 : closed]
            text.append(re.sub(r"\\([\"\\])", r"\1", inside) if character in _DOUBLE else inside)
            at = closed + 1
        elif character == "\\" and at + 1 < len(line):
            bare = len(text) if bare is None else bare
            text.append(line[at + 1])
            at += 2
        else:
            text.append(character)
            at += 1
    whole = "".join(text)
    return Word(whole, len(whole) if bare is None else bare, start, at)


def _closing_quote(line: str, opened: int, start: int) -> int:
    straight = line[opened] in "\"'"
    closing = line[opened] if straight else _DOUBLE if line[opened] in _DOUBLE else _SINGLE
    at = opened + 1
    while at < len(line):
        if line[at] == "\\" and closing[0] == '"':
            at += 2
            continue
        # Inside curly single quotes an apostrophe is curly too: only one before a space closes.
        apostrophe = line[at] in _CURLY_SINGLE and not (line[at + 1 : at + 2] or " ").isspace()
        if line[at] in closing and not apostrophe:
            return at
        at += 1
    raise UnclosedQuoteError(start, opened)


def closing_edits(line: str, unclosed: UnclosedQuoteError) -> list[Edit]:
    """The edits that close a quote before the next option, where it was probably meant to end.

    An apostrophe in the middle of a word is no quote; there the quotes go around the value.
    """
    next_option = _NEXT_OPTION.search(line, unclosed.opened)
    end = len((line[: next_option.start()] if next_option else line).rstrip())
    before = line[unclosed.start : unclosed.opened]
    if before and not before.endswith("="):
        start = unclosed.start + before.rfind("=") + 1
        return [Edit(start, start, '"'), Edit(end, end, '"')]
    sign = line[unclosed.opened]
    return [Edit(end, end, sign if sign in _SINGLE else '"')]


def quote(text: str) -> str:
    """Text as one word for `words`: quoted if needed."""
    if _BARE.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
