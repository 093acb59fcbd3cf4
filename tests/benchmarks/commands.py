"""A command that opens a form, and a click that spends, beside Bolt's defaults and a lower bound.

People act at the same moment, and again once each of them has a response: a faster process isn't
asked more often. All commands are in one channel, whose targets are cached from the second command
on; the first command in a channel is measured apart. The processes take turns, so that other load
on the machine disturbs them alike.
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
# Of the time of the checkout beside which it is measured, which is commit 130cc6f; and milliseconds
# if none is: half of what that commit took on an idle machine of two cores.
_CLICK_RATIO = 0.5
_CLICK_GOALS = {("SQLite", 1): at_most(8), ("SQLite", 16): at_most(69)}
_CLICKS = 64
# Run in each checkout, whose tables differ.
SEED = """
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
        acknowledged: Until the acknowledgement arrived.
        opened: Until `views.open` was called.
    """

    acknowledged: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)


def p50(times: Sequence[float]) -> float:
    """The median."""
    return median(times)


def p99(times: Sequence[float]) -> float:
    """The 99th percentile."""
    return quantiles(times, n=100, method="inclusive")[98]


async def command(slack: Slack, line: Line, times: Times, channel: str = "C1") -> None:
    """Send a command that opens the form."""
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
    """Send commands that open the form, each in a channel without any before."""

    async def first(slack: Slack, line: Line, times: Times) -> None:
        await command(slack, line, times, f"C{next(channels)}")

    return first


async def ping(_slack: Slack, line: Line, times: Times) -> None:
    """Send a command to the lower bound, which opens no form."""
    left, acknowledged = await line.send({**_PLACE, "command": SLASH, "text": ""})
    times.acknowledged.append((acknowledged - left) * 1000)


async def click(slack: Slack, line: Line, times: Times) -> None:
    """Click Deploy under a preview: the request is committed before it is acknowledged."""
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
    """Let `at_once` people do the work together, `rounds` times."""
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
            cpu: defaultdict[str, float] = defaultdict(float)
            for turn in range(turns + 1):
                for name, bot in bots.items():
                    into = times[name] if turn else Times()
                    started = await bot.mark()
                    clicks = _CLICKS if turn else at_once * 10
                    await load(
                        slack, str(bot.ready["url"]), click, at_once, clicks // at_once, into
                    )
                    # What it does after the clicks must not slow down the other one.
                    ended = await bot.idle()
                    if turn:
                        cpu[name] += (ended.cpu - started.cpu) * 1000
            before = times["beside"].acknowledged
            spent = times["ours"].acknowledged
            of = f"Click that spends, {engine}, {at_once} at once"
            goal = of_rivals(_CLICK_RATIO) if before else _CLICK_GOALS.get((engine, at_once))
            made += [
                Row(f"{of}: p50", p50(spent), "ms", p50(before) if before else None, goal),
                Row(f"{of}: p99", p99(spent), "ms", p99(before) if before else None),
                Row(
                    f"{of}: CPU, with all that follows",
                    cpu["ours"] / len(spent),
                    "ms",
                    cpu["beside"] / len(before) if before else None,
                ),
            ]
    return made


async def _bot(
    stack: AsyncExitStack, slack: Slack, database: str, checkout: Path = PROJECT
) -> Child:
    _, environment = settings_of(slack.url, database)
    await run_in(checkout, SEED, **environment)
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
