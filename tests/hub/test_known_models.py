from collections.abc import AsyncIterator

import pytest

from bot.hub.client import HubClient
from bot.hub.known_models import KnownModels
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import DropRequest, Hang, Respond
from bot.sandbox.hub import HubSandbox
from bot.sandbox.hub.rate_limits import Limits


@pytest.fixture
async def hub() -> AsyncIterator[HubSandbox]:
    async with HubSandbox(SandboxClock(1.0)) as sandbox:
        yield sandbox


async def test_the_hub_has_a_model_or_not(hub: HubSandbox) -> None:
    """One that leads to another name is there; one that the Hub won't show isn't."""
    async with HubClient(hub.url) as client:
        known = KnownModels(client)
        assert [await known.has(name) for name in ("gpt2", "org/name", "gpt3")] == [
            True,
            True,
            False,
        ]


async def test_an_answer_is_kept_for_a_while(hub: HubSandbox) -> None:
    """What is there for an hour, what isn't for a minute, and no more than so many of them."""
    present = [0.0]
    async with HubClient(hub.url) as client:
        known = KnownModels(client, clock=lambda: present[0])
        for moment in (0.0, 59.0, 60.0, 119.0, 3599.0):
            present[0] = moment
            await known.has("gpt2")
            await known.has("gpt3")
        assert [request.repo for request in hub.requests] == ["gpt2", "gpt3", "gpt3", "gpt3"]
        hub.set_limits(Limits({"api": 5_000}, {}))
        for number in range(1_001):
            await known.has(f"m{number}")
        assert len(known._kept) == 1_000


@pytest.mark.parametrize(
    "fault", [Respond(500, {}), Respond(429, {}), DropRequest(), Hang()], ids=str
)
async def test_a_hub_that_is_away_says_nothing(
    hub: HubSandbox, fault: Respond | DropRequest | Hang
) -> None:
    """After a second at most, and it isn't asked again at once."""
    hub.faults.add(fault, times=None)
    async with HubClient(hub.url) as client:
        known = KnownModels(client)
        assert await known.has("gpt2") is None
        requests = len(hub.requests)
        assert await known.has("gpt2") is None
        assert len(hub.requests) == requests
    async with HubClient("http://127.0.0.1:9") as client:
        assert await KnownModels(client).has("gpt2") is None
