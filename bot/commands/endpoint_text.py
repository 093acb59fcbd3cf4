"""Which endpoint a line of text names, and what is left for the command."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.command_line import DASHES, UnclosedQuoteError, Word, typed, words
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.text import clip
from bot.messages.markup import code

# Fewer characters are no prefix of a name but a mistake.
_LEAST_PREFIX = 3
_NEAREST = 3
_COMPARED = 1_000
_TARGET_OPTION = re.compile(rf"[-{DASHES}]+(?:target|to)(?:=(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EndpointPhrase:
    """A parsed line.

    Attributes:
        line: As typed, Slack's markup undone.
        lead: The words before the first option; one or more of them name the endpoint.
        others: The words from the first option on.
        target: From `--target`, or before a slash; '' for none.
    """

    line: str
    lead: Sequence[Word]
    others: Sequence[Word]
    target: str

    def phrase(self, count: int) -> str:
        return " ".join(word.text for word in self.lead[:count])

    def rest(self, used: int) -> str:
        left = [*self.lead[used:], *self.others]
        return " ".join(self.line[word.start : word.end] for word in left)


def read(text: str, targets: Sequence[str], *, is_text: bool = False) -> EndpointPhrase:
    """Parse what follows the command's word, as Slack sent it.

    Raises:
        UserError: A quote isn't closed, or there is no such target.
    """
    line = typed(text)
    try:
        found = words(line)
    except UnclosedQuoteError as unclosed:
        if is_text:
            return _prose(line)
        raise UserError(
            f"A quote is never closed: {code(clip(line[unclosed.start :], 40))}."
        ) from None
    kept, target = _without_target(found, targets)
    option = next((at for at, word in enumerate(kept) if _is_option(word)), len(kept))
    lead, others = kept[:option], kept[option:]
    if lead and not target:
        before, slash, after = lead[0].text.partition("/")
        if slash and before.lower() in targets:
            target = before.lower()
            rest = Word(after, len(after), lead[0].start, lead[0].end)
            lead = [rest, *lead[1:]] if after else lead[1:]
    return EndpointPhrase(line, lead, others, target)


def _prose(line: str) -> EndpointPhrase:
    """Of a line in which an apostrophe looks like a quote."""
    lead = [Word(one[0], len(one[0]), *one.span()) for one in re.finditer(r"\S+", line)]
    return EndpointPhrase(line, lead, [], "")


def _without_target(found: Sequence[Word], targets: Sequence[str]) -> tuple[list[Word], str]:
    kept: list[Word] = []
    target, expected = "", False
    for word in found:
        option = _TARGET_OPTION.fullmatch(word.text) if _is_option(word) else None
        if expected or (option and option[1] is not None):
            name = word.text if expected or option is None else option[1]
            target, expected = known_target(name, targets), False
        elif option:
            expected = True
        else:
            kept.append(word)
    if expected:
        raise UserError(f"Which target? {_names(targets)}")
    return kept, target


def known_target(name: str, targets: Sequence[str]) -> str:
    """Raise UserError if there is no target of this name."""
    if name.lower() in targets:
        return name.lower()
    close = get_close_matches(name.lower()[:100], targets, n=1)
    nearest = f" Did you mean {code(close[0])}?" if close else ""
    raise UserError(
        f"I don't know the target {code(clip(name, 80))}.{nearest}", hint=_names(targets)
    )


def _names(targets: Sequence[str]) -> str:
    return f"This channel deploys to {', '.join(code(target) for target in targets)}."


def _is_option(word: Word) -> bool:
    return word.bare > 0 and bool(re.match(rf"[-{DASHES}]", word.text))


@dataclass(frozen=True, slots=True)
class Match:
    """The endpoints that match, and how many words of the line name them.

    Attributes:
        is_exact: Whether a whole name or id was typed, not only a prefix.
    """

    endpoints: Sequence[ListedEndpoint]
    used: int
    is_exact: bool = True


def match(
    endpoints: Sequence[ListedEndpoint], text: EndpointPhrase, *, takes_more: bool, about: str = ""
) -> Match:
    """Find the endpoints that a line names: by whole name or id, else by prefix.

    Args:
        endpoints: Where to look.
        text: The line.
        takes_more: Whether the command takes words beside the endpoint; the longest name wins.
        about: The deployment whose endpoint is meant where none is named, as in its thread;
            arguments of the command are then not read as the prefix of a name.
    """
    most = len(text.lead)
    by_id: defaultdict[str, list[ListedEndpoint]] = defaultdict(list)
    by_name: defaultdict[str, list[ListedEndpoint]] = defaultdict(list)
    for listed in endpoints:
        by_id[listed.endpoint_id].append(listed)
        by_name[_normalized(listed.name)].append(listed)
    # No phrase of more words than the longest name has can be a name.
    longest = max((name.count(" ") + 1 for name in by_name), default=0) if takes_more else most
    for used in range(min(most, longest), 0 if takes_more else max(0, most - 1), -1):
        phrase = text.phrase(used)
        if whole := by_id.get(phrase) or by_name.get(_normalized(phrase)):
            return Match(whole, used)
    if about and (takes_more or not most):
        ours = [(listed, listed.ours) for listed in endpoints]
        return Match([listed for listed, own in ours if own and own.public_id == about], 0)
    used = min(1, most) if takes_more else most
    prefix = _normalized(text.phrase(used))
    if len(prefix) < _LEAST_PREFIX:
        return Match([], used)
    found = [
        listed
        for listed in endpoints
        if _normalized(listed.name).startswith(prefix)
        or listed.endpoint_id.startswith(text.phrase(used))
    ]
    return Match(found, used, is_exact=False)


def nearest(endpoints: Sequence[ListedEndpoint], name: str) -> list[str]:
    # Comparing takes time, and the end of a long list doesn't run any more.
    names = {_normalized(listed.name): listed.name for listed in reversed(endpoints[:_COMPARED])}
    return [names[close] for close in get_close_matches(_normalized(name)[:100], names, n=_NEAREST)]


def _normalized(name: str) -> str:
    return " ".join(name.split()).casefold()
