"""Answers are kept, bounded, and asked for once."""

import asyncio

import pytest

from bot.hub.answer_cache import AnswerCache


class Source:
    """Answers with the question, once it is let."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.asked: list[str] = []
        self.open = asyncio.Event()
        if is_open:
            self.open.set()

    async def ask(self, key: str) -> str:
        """Count and wait."""
        self.asked.append(key)
        await self.open.wait()
        return key.upper()


async def test_an_answer_is_kept_until_it_expires() -> None:
    """Each for as long as its kind is valid."""
    present = [0.0]
    source = Source()
    cache = AnswerCache(
        source.ask,
        keep=lambda key, _: 60.0 if key == "a" else 5.0,
        most=10,
        clock=lambda: present[0],
    )
    for moment in (0.0, 4.9, 5.0, 59.9, 60.0):
        present[0] = moment
        assert [await cache.get(key, within=1) for key in ("a", "b")] == ["A", "B"]
    assert source.asked == ["a", "b", "b", "b", "a"]


async def test_those_who_ask_together_share_one_request() -> None:
    """One who gives up doesn't stop it, and finds the answer later."""
    source = Source(is_open=False)
    cache = AnswerCache(source.ask, keep=lambda *_: 60.0, most=10)
    waiting = asyncio.create_task(cache.get("a", within=10))
    with pytest.raises(TimeoutError):
        await cache.get("a", within=0.01)
    source.open.set()
    assert await waiting == "A"
    assert cache.cached("a") == "A"
    assert source.asked == ["a"]


async def test_only_so_many_are_kept() -> None:
    """The one that was used longest ago goes first."""
    source = Source()
    cache = AnswerCache(source.ask, keep=lambda *_: 60.0, most=2)
    for key in ("a", "b", "a", "c"):
        await cache.get(key, within=1)
    assert [cache.cached(key) for key in "abc"] == ["A", None, "C"]


async def test_closing_ends_what_is_under_way() -> None:
    """Nobody waits for it any more."""
    source = Source(is_open=False)
    cache = AnswerCache(source.ask, keep=lambda *_: 60.0, most=2)
    with pytest.raises(TimeoutError):
        await cache.get("a", within=0.01)
    await cache.close()
    assert cache.cached("a") is None
