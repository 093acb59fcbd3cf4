"""Rules about the whole JSON document: nulls, depth, duplicates, size."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from bot.sandbox.slack.blocks.problems import Path

Node: TypeAlias = tuple[Path, object]
"""A value of the document and its path."""

# The deepest path of a valid payload has 13 steps, to the style of a word of a list in a task.
_MAX_DEPTH = 32


def nodes(document: object) -> Iterator[Node]:
    """Yield every value in the document with its path, in document order."""
    waiting: list[Node] = [((), document)]
    while waiting:
        path, here = waiting.pop()
        yield path, here
        if len(path) > _MAX_DEPTH:
            continue
        if isinstance(here, Mapping):
            waiting.extend([((*path, key), here[key]) for key in here][::-1])
        elif isinstance(here, list):
            waiting.extend([((*path, i), child) for i, child in enumerate(here)][::-1])


def unsendable(document: Iterable[Node]) -> Iterator[tuple[Path, str]]:
    """Yield nulls and too deep nesting, which no payload may hold.

    Slack takes an explicit null for an invalid value, not for an absent one.
    """
    for path, value in document:
        if value is None:
            yield path, "must not be null"
        elif len(path) > _MAX_DEPTH:
            yield path, f"must not be nested deeper than {_MAX_DEPTH} levels"


def repeated(document: Iterable[Node], field: str, within: int = 0) -> Iterator[tuple[Path, str]]:
    """Yield each place where `field` repeats a value, in document order.

    Values are compared among the nodes whose paths share their first `within` steps.
    """
    seen = set()
    for path, value in document:
        if path[-1] == field:
            place = (path[:within], value)
            if place in seen:
                yield path, f"{field} {value} already exists"
            seen.add(place)


def encoded_bytes(document: object) -> int:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode(errors="surrogatepass"))
