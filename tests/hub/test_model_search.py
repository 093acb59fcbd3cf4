"""Searches while a person types: few requests, and an answer in time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.hub.client import HubClient
from bot.hub.model_search import ModelSearch
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import DropRequest, Hang, Respond
from bot.sandbox.hub import HubSandbox


@pytest.fixture
async def hub() -> AsyncIterator[HubSandbox]:
    async with HubSandbox(SandboxClock(1.0)) as sandbox:
        yield sandbox


async def test_who_types_on_asks_once(hub: HubSandbox) -> None:
    """Only the last of quick keystrokes reaches the Hub; each person counts alone."""
    async with HubClient(hub.url) as client:
        search = ModelSearch(client)
        texts = ["q", "qw", "qwe", "qwen3"]
        *typed, last, other = await asyncio.gather(
            *(search.find(text, typist="one", within=2) for text in texts),
            search.find("llama", typist="two", within=2),
        )
        assert typed == [None, None, None]
        assert last
        assert all("qwen3" in model.repo.lower() for model in last)
        assert other
    assert len(hub.requests) == 2


async def test_a_longer_text_is_found_among_few_hits(hub: HubSandbox) -> None:
    """Without another request, since nothing else can match."""
    async with HubClient(hub.url) as client:
        search = ModelSearch(client)
        few = await search.find("llama-3.1", typist="one", within=2)
        assert few
        fewer = search.cached("Llama-3.1 70b")
        assert fewer
        assert {model.repo for model in fewer} < {model.repo for model in few}
    assert len(hub.requests) == 1


@pytest.mark.parametrize(
    "fault", [Respond(500, {}), Respond(429, {}), Respond(200, {}), DropRequest(), Hang()], ids=str
)
async def test_a_hub_that_is_away_finds_nothing_in_time(
    hub: HubSandbox, fault: Respond | DropRequest | Hang
) -> None:
    """And isn't asked again at once."""
    hub.faults.add(fault, times=None)
    async with HubClient(hub.url) as client:
        search = ModelSearch(client)
        assert await search.find("qwen", typist="one", within=0.2) is None
        assert await search.find("qwen", typist="one", within=0.2) is None
        await search.close()
    assert len(hub.requests) == 1


async def test_no_request_is_sent_past_the_rate_limit(hub: HubSandbox) -> None:
    """The answer before tells that none is left."""
    used_up = {"RateLimit": '"api";r=0;t=200'}
    hub.faults.add(Respond(200, [], headers=used_up), times=1)
    async with HubClient(hub.url) as client:
        search = ModelSearch(client)
        assert await search.find("qwen", typist="one", within=2) == ()
        assert await search.find("llama", typist="one", within=2) is None
    assert len(hub.requests) == 1
