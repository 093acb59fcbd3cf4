"""Mask secrets in logs."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

_MASK = "•••"


# Patterns of secrets that nobody registered, and their replacements.
_PATTERNS = (
    # Slack's tokens, Friendli's keys, Hugging Face's tokens.
    (re.compile(r"\b(?:xox[a-z]|xapp)[.-][\w.-]+|\bflp_\w+|\bhf_\w{8,}"), _MASK),
    (re.compile(r"\b(Bearer) [\w.~+/=-]+", re.IGNORECASE), rf"\1 {_MASK}"),
    # URLs that accept responses to a command or a click, also within a form.
    (
        re.compile(r"(/|%2F)(commands|actions|response|services)(?:/|%2F)T\w+(?:/|%2F)[\w%/-]+"),
        rf"\1\2\1{_MASK}",
    ),
    # A one-use ticket to a Socket Mode connection.
    (re.compile(r"([?&]ticket=)[\w%.-]+"), rf"\1{_MASK}"),
    # A password within a URL.
    (re.compile(r"(://[^\s:/@]*:)[^\s/@]+@"), rf"\1{_MASK}@"),
    # Fields of forms, of JSON and of Python's repr, by name.
    (
        re.compile(
            r"((?:token|api_?key|secret|authorization|password)[\"']?\s?[=:]\s?[\"']?"
            r"(?:Bearer |Basic )?)(?!None\b|null\b)[^\s\"'&,;)}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{_MASK}",
    ),
)


_SECRET_FIELDS = {
    "api_key",
    "authorization",
    "client_secret",
    "key",
    "password",
    "response_url",
    "secret",
    "signing_secret",
    "token",
}


# A shorter one would mask parts of ordinary words.
_SHORTEST = 6


# Characters of one value; tracebacks of chained errors are shorter.
_LONGEST = 50_000


class Redactor:
    """A log processor that masks secret-like texts and registered secrets."""

    def __init__(self) -> None:
        # The longest first: a secret may be part of another.
        self._known: list[str] = []

    def learn(self, secrets: Iterable[str]) -> None:
        new = {secret for secret in secrets if len(secret) >= _SHORTEST}.difference(self._known)
        if new:
            self._known = sorted([*self._known, *new], key=len, reverse=True)

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {name: self._field(name, value) for name, value in event.items()}

    def mask(self, text: str) -> str:
        text = self._without_known(text) if len(text) <= _LONGEST else self._shortened(text)
        for look, instead in _PATTERNS:
            text = look.sub(instead, text)
        return text

    def _without_known(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, _MASK)
        return text

    def _shortened(self, text: str) -> str:
        """Cut out the middle, up to the end of a line: no secret contains one.

        Cut before searching, as a process knows hundreds of secrets.
        """
        half = _LONGEST // 2
        longest = len(self._known[0]) if self._known else 0
        # A secret across the cut is in the part that is dropped after the search.
        start = self._without_known(text[: half + longest])
        start = start[: len(start) - longest]
        _, _, end = text[-half:].partition("\n")
        left_out = len(text) - half - len(end)
        return f"{start} … {left_out} characters left out …\n{self._without_known(end)}"

    def _field(self, name: object, value: object) -> object:
        return _MASK if str(name).lower() in _SECRET_FIELDS else self._masked(value)

    def _masked(self, value: object) -> object:
        if isinstance(value, bool | int | float | None):
            return value
        if isinstance(value, Mapping):
            return {self.mask(str(name)): self._field(name, inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(inner) for inner in value]
        return self.mask(str(value))


redactor = Redactor()
