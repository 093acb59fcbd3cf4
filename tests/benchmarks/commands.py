"""A command that opens a form, and a click that spends, beside Bolt's defaults and the floor.

So many people ask at the same moment, and again once all of them have their form and their
acknowledgement: a front that is quicker isn't asked more often for it. All are in one channel: what
the bot keeps of a channel is there from the second command on. How long the first one takes in its
channel is told beside it. The three fronts take turns, so that whatever else the machine does
disturbs them alike.
"""

import asyncio
import itertools
import json
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bot.commands.registry import SLASH
from bot.domain.request.draft import DeployDraft
from bot.messages.preview import DEPLOY_ACTION
from tests.benchmarks.bots import settings_of
from tests.benchmarks.caller import Line, Slack, lines
from tests.benchmarks.process import PROJECT, Child, child, child_of, run_in
from tests.benchmarks.table import Row, at_most, of_rivals

AT_ONCE = (1, 16, 64)
_ACKNOWLEDGEMENT_GOALS = {1: 0.2, 16: 0.6, 64: 1.0}
_FORM_GOALS = {1: 1.0, 16: 0.5, 64: 0.5}
# The most of the time of another checkout, or milliseconds if none is measured.
_CLICK_RATIO = 0.5
_CLICK_GOALS = {
    ("SQLite", 1): 8,
    ("SQLite", 16): 69,
    ("PostgreSQL", 1): 15,
    ("PostgreSQL", 16): 100,
}
_CLICKS = 64
# In the checkout's own names for everything but these.
_SEED = """
import asyncio
from bot.config import load
from tests.benchmarks.seeding import seed
asyncio.run(seed(load(), projects=1, endpoints=0, channels=1_000))
"""
_PLACE = {"team_id": "T1", "channel_id": "C1", "user_id": "U1"}


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from when requests left.

    Attributes:
        acknowledged: Until the acknowledgement was there.
        opened: Until the form was asked for.
    """

    acknowledged: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)


def p50(times: Sequence[float]) -> float:
    """The median."""
    return median(times)


def p99(times: Sequence[float]) -> float:
    """What 99 of 100 stay below."""
    return quantiles(times, n=100, method="inclusive")[98]


async def command(slack: Slack, line: Line, times: Times, channel: str = "C1") -> None:
    """Ask for the form."""
    trigger = uuid.uuid4().hex
    opening = slack.opening(trigger)
    left, acknowledged = await line.send(
        {
            **_PLACE,
            "channel_id": channel,
            "command": SLASH,
            "text": "",
            "trigger_id": trigger,
            "response_url": f"{slack.url}/commands/x",
        }
    )
    opened = await asyncio.wait_for(opening, 20)
    times.acknowledged.append((acknowledged - left) * 1000)
    times.opened.append((opened - left) * 1000)


def first_commands(channels: Iterator[int]) -> "Work":
    """Ask for the form, each time in a channel in which nobody has asked before."""

    async def first(slack: Slack, line: Line, times: Times) -> None:
        await command(slack, line, times, f"C{next(channels)}")

    return first


async def ping(_slack: Slack, line: Line, times: Times) -> None:
    """Ask for nothing."""
    left, acknowledged = await line.send({**_PLACE, "command": SLASH, "text": ""})
    times.acknowledged.append((acknowledged - left) * 1000)


async def click(slack: Slack, line: Line, times: Times) -> None:
    """Press Deploy under a preview: it is written down before it is acknowledged."""
    id_ = uuid.uuid4().hex
    draft = DeployDraft(
        target="prod", model="org/model", name=f"n-{id_[:12]}", gpu="1xH100", replicas="1"
    )
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1", "team_id": "T1"},
        "channel": {"id": "C1"},
        "actions": [
            {
                "type": "button",
                "action_id": DEPLOY_ACTION,
                "value": f"{id_} {draft.to_json()}",
                "action_ts": "1",
            }
        ],
        "trigger_id": id_,
        "response_url": f"{slack.url}/actions/x",
    }
    left, acknowledged = await line.send({"payload": json.dumps(payload)})
    times.acknowledged.append((acknowledged - left) * 1000)


Work = Callable[[Slack, Line, Times], Awaitable[None]]


async def load(slack: Slack, url: str, work: Work, at_once: int, rounds: int, times: Times) -> None:
    """So many people do the work together, so often."""
    together = asyncio.Barrier(at_once)

    async def person(line: Line) -> None:
        for _ in range(rounds):
            await together.wait()
            await work(slack, line, times)

    async with lines(url, at_once) as opened, asyncio.TaskGroup() as people:
        for line in opened:
            people.create_task(person(line))


async def rows(
    folder: Path,
    *,
    turns: int,
    databases: Mapping[str, Callable[[str], Awaitable[str]]],
    beside: Path | None = None,
) -> list[Row]:
    """Measure commands, then clicks that spend; the processes take turns.

    Args:
        folder: For SQLite files.
        turns: How many turns each process gets.
        databases: Engine name → makes an empty database of that name and returns its URL.
        beside: Another checkout of this project, whose bot is measured too.
    """
    made: list[Row] = []
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Slack.serve())
        ours = await _bot(stack, slack, f"sqlite:///{folder}/commands.sqlite3")
        urls = {
            "ours": ours,
            "bolt": await stack.enter_async_context(child("web_half", "rival", slack.url)),
            "floor": await stack.enter_async_context(child("web_half", "floor")),
        }
        first = first_commands(itertools.count(2))
        for at_once in AT_ONCE:
            times: defaultdict[str, Times] = defaultdict(Times)
            requests = 40 if at_once == 1 else 320 // at_once
            for turn in range(turns + 1):
                for name, process in urls.items():
                    work = ping if name == "floor" else command
                    # The first turn warms up.
                    into = times[name] if turn else Times()
                    await load(slack, str(process.ready["url"]), work, at_once, requests, into)
            made += _rows(at_once, times["ours"], times["bolt"], times["floor"])
            new = Times()
            await load(slack, str(ours.ready["url"]), first, at_once, requests, new)
            made.append(
                Row(
                    f"The first in its channel, {at_once} at once: form asked for, p50",
                    *(p50(new.opened), "ms", p50(times["bolt"].opened)),
                )
            )
    for engine, create in databases.items():
        made += await _clicks(engine, create, turns, beside)
    return made


async def _clicks(
    engine: str,
    create: Callable[[str], Awaitable[str]],
    turns: int,
    beside: Path | None,
) -> list[Row]:
    """Clicks that spend, on one database engine."""
    made: list[Row] = []
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Slack.serve())
        bots = {"ours": await _bot(stack, slack, await create("ours"))}
        if beside is not None:
            bots["beside"] = await _bot(stack, slack, await create("beside"), beside)
        for at_once in AT_ONCE[:2]:
            times: defaultdict[str, Times] = defaultdict(Times)
            for turn in range(turns + 1):
                for name, bot in bots.items():
                    into = times[name] if turn else Times()
                    clicks = _CLICKS if turn else at_once * 10
                    await load(
                        slack, str(bot.ready["url"]), click, at_once, clicks // at_once, into
                    )
                    # What it does after the clicks must not slow down the other one.
                    await bot.idle()
            before = times["beside"].acknowledged
            spent = times["ours"].acknowledged
            of = f"Click that spends, {engine}, {at_once} at once"
            goal = of_rivals(_CLICK_RATIO) if before else at_most(_CLICK_GOALS[engine, at_once])
            made += [
                Row(f"{of}: p50", p50(spent), "ms", p50(before) if before else None, goal),
                Row(f"{of}: p99", p99(spent), "ms", p99(before) if before else None),
            ]
    return made


async def _bot(
    stack: AsyncExitStack, slack: Slack, database: str, checkout: Path = PROJECT
) -> Child:
    _, environment = settings_of(slack.url, database)
    await run_in(checkout, _SEED, **environment)
    module = "web_half" if (checkout / "tests/benchmarks/web_half.py").exists() else "fronts"
    return await stack.enter_async_context(child_of(checkout, module, "ours", **environment))


def _rows(at_once: int, ours: Times, rival: Times, floor: Times) -> list[Row]:
    of = f"{at_once} at once"
    goal = of_rivals(_ACKNOWLEDGEMENT_GOALS[at_once])
    return [
        Row(f"Signature alone, {of}: p50", p50(floor.acknowledged), "ms"),
        Row(
            f"Command, {of}: acknowledged, p50",
            *(p50(ours.acknowledged), "ms", p50(rival.acknowledged), goal),
        ),
        Row(
            f"Command, {of}: acknowledged, p99",
            *(p99(ours.acknowledged), "ms", p99(rival.acknowledged), of_rivals(1)),
        ),
        Row(
            f"Command, {of}: form asked for, p50",
            *(p50(ours.opened), "ms", p50(rival.opened), of_rivals(_FORM_GOALS[at_once])),
        ),
        Row(
            f"Command, {of}: form asked for, p99",
            *(p99(ours.opened), "ms", p99(rival.opened), of_rivals(1)),
        ),
    ]
