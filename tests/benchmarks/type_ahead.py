"""The model field's type-ahead: until its options arrive, with the Hub's answer cached and without.

Every person types into a form of their own. Without the cache, each text is a new one: the bot
waits for a pause in the typing, and for the Hub, which is a sandbox in this process.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

from bot.commands.deploy_form import FormState
from bot.domain.actors import ChannelRef
from bot.sandbox.clock import SandboxClock
from bot.sandbox.hub import HubSandbox
from bot.sandbox.hub.rate_limits import Limits
from tests.benchmarks.bots import settings_of
from tests.benchmarks.caller import Line, Slack, lines
from tests.benchmarks.commands import SEED, p50, p99
from tests.benchmarks.process import PROJECT, child_of, run_in
from tests.benchmarks.table import Row, at_most

_PEOPLE = 4
_ROUNDS = 40
_MANY = 1_000_000
# Slack gives up after 3,000. Of a loaded machine; an idle one takes a fraction of it.
_UNCACHED_GOAL, _CACHED_GOAL = 1_000, 500

Texts = Callable[[], str]


async def rows(database: Callable[[str], Awaitable[str]]) -> list[Row]:
    """Measure it.

    Args:
        database: Makes an empty database of a name and returns its URL.
    """
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Slack.serve())
        hub = await stack.enter_async_context(HubSandbox(SandboxClock(1.0)))
        hub.set_limits(Limits(anonymous={"api": _MANY}, with_token={"api": _MANY}))
        url = await database("typeahead")
        _, environment = settings_of(slack.url, url, HF_ENDPOINT=hub.url)
        await run_in(PROJECT, SEED, **environment)
        bot = await stack.enter_async_context(child_of(PROJECT, "web_half", "ours", **environment))
        address = str(bot.ready["url"])
        await _typing(address, lambda: "llama", 5)
        cached = await _typing(address, lambda: "llama", _ROUNDS)
        numbers: Iterator[int] = itertools.count()
        uncached = await _typing(address, lambda: f"qwen3 {next(numbers)}b", _ROUNDS)
    return [
        Row("Type-ahead, cached: p50", p50(cached), "ms"),
        Row("Type-ahead, cached: p99", p99(cached), "ms", goal=at_most(_CACHED_GOAL)),
        Row("Type-ahead, from the Hub, with the pause: p50", p50(uncached), "ms"),
        Row(
            "Type-ahead, from the Hub, with the pause: p99",
            *(p99(uncached), "ms"),
            goal=at_most(_UNCACHED_GOAL),
        ),
    ]


async def _typing(url: str, texts: Texts, rounds: int) -> list[float]:
    """Let people type at the same time; milliseconds until each one's options."""
    times: list[float] = []

    async def person(line: Line, number: int) -> None:
        for _ in range(rounds):
            left, answered = await line.send({"payload": _payload(texts(), f"V{number}")})
            times.append((answered - left) * 1000)

    async with lines(url, _PEOPLE) as opened, asyncio.TaskGroup() as people:
        for number, line in enumerate(opened):
            people.create_task(person(line, number))
    return times


def _payload(text: str, view_id: str) -> str:
    state = FormState(request_id="r", place=ChannelRef("", "T1", "C1"))
    return json.dumps(
        {
            "type": "block_suggestion",
            "team": {"id": "T1"},
            "user": {"id": "U1", "team_id": "T1"},
            "action_id": "deploy.model",
            "block_id": "deploy.model",
            "value": text,
            "view": {
                "id": view_id,
                "type": "modal",
                "callback_id": "deploy",
                "private_metadata": state.model_dump_json(exclude_none=True),
                "blocks": [],
            },
        }
    )
