"""Tiny deviations from valid payloads, and the exact answers to them."""

from collections.abc import Callable
from typing import NamedTuple

from bot.sandbox.slack.blocks import Problem
from tests.sandbox.slack.blocks.payloads import Json, Payload, changed


class Base(NamedTuple):
    """A valid payload to deviate from.

    Attributes:
        check: What checks it.
        payload: The payload.
        root: Where in the payload the pointers of its deviations start.
        error: The error of its deviations that don't name another one.
        prefix: What the answers put before every pointer.
    """

    check: Callable[[Payload], list[Problem]]
    payload: Payload
    root: str = ""
    error: str = "invalid_blocks"
    prefix: str = ""

    def __str__(self) -> str:
        return self.root


class Deviation(NamedTuple):
    """A value put at a pointer, what is said of it, and where if not there."""

    pointer: str
    value: Json
    words: str
    at: str | None = None
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.pointer}: {self.words}"


def deviations(base: Base, *deviations: Deviation) -> list[tuple[Base, Deviation]]:
    """Return each deviation with its base."""
    return [(base, deviation) for deviation in deviations]


def answer(base: Base, deviation: Deviation) -> list[Problem]:
    """Return what the checker finds wrong with the deviation, after taking the base."""
    assert base.check(base.payload) == []
    return base.check(changed(base.payload, base.root + deviation.pointer, deviation.value))


def expected(base: Base, deviation: Deviation) -> list[Problem]:
    """Return the one problem that a deviation is to be answered with."""
    at = deviation.pointer if deviation.at is None else deviation.at
    pointer = f"{base.prefix}{base.root}{at}"
    detail = f"[ERROR] {deviation.words} [json-pointer:{pointer}]"
    return [Problem(deviation.error or base.error, detail)]
