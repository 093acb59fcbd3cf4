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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bot.commands.registry import SLASH
from bot.domain.request.draft import DeployDraft
from bot.messages.preview import DEPLOY_ACTION
from tests.benchmarks.bots import settings_of
from tests.benchmarks.caller import Line, Slack, lines
from tests.benchmarks.process import child
from tests.benchmarks.seeding import seed
from tests.benchmarks.table import Row, of_rivals

AT_ONCE = (1, 16, 64)
_ACKNOWLEDGEMENT_GOALS = {1: 0.2, 16: 0.6, 64: 1.0}
_CHANNELS = 1_000
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


def first_commands(channels: Iterator[int]) -> "DeferredTask":
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


DeferredTask = Callable[[Slack, Line, Times], Awaitable[None]]


async def load(
    slack: Slack, url: str, work: DeferredTask, at_once: int, rounds: int, times: Times
) -> None:
    """So many people do the work together, so often."""
    together = asyncio.Barrier(at_once)

    async def person(line: Line) -> None:
        for _ in range(rounds):
            await together.wait()
            await work(slack, line, times)

    async with lines(url, at_once) as opened, asyncio.TaskGroup() as people:
        for line in opened:
            people.create_task(person(line))


async def rows(folder: Path, *, turns: int, postgresql: str | None) -> list[Row]:
    """Measure all fronts in turns.

    Args:
        folder: Where the bot's database may be.
        turns: How often each front has its turn.
        postgresql: The URL of an empty database for the click that spends, or None for none.
    """
    made: list[Row] = []
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Slack.serve())
        urls = {
            "ours": await _our_front(stack, slack, f"sqlite:///{folder}/front.sqlite3"),
            "rival": (await stack.enter_async_context(child("fronts", "rival", slack.url))).ready[
                "url"
            ],
            "floor": (await stack.enter_async_context(child("fronts", "floor"))).ready["url"],
        }
        first = first_commands(itertools.count(2))
        for at_once in AT_ONCE:
            times: defaultdict[str, Times] = defaultdict(Times)
            requests = 40 if at_once == 1 else 320 // at_once
            for front, url in urls.items():
                work = ping if front == "floor" else command
                await load(slack, str(url), work, at_once, requests, Times())
            for _ in range(turns):
                for front, url in urls.items():
                    work = ping if front == "floor" else command
                    await load(slack, str(url), work, at_once, requests, times[front])
            made += _rows(at_once, times["ours"], times["rival"], times["floor"])
            new = Times()
            await load(slack, str(urls["ours"]), first, at_once, requests, new)
            made.append(
                Row(
                    f"The first in its channel, {at_once} at once: form asked for, p50",
                    *(p50(new.opened), "ms", p50(times["rival"].opened)),
                )
            )
        databases = {"SQLite": str(urls["ours"])}
        if postgresql is not None:
            databases["PostgreSQL"] = await _our_front(stack, slack, postgresql)
        for name, url in databases.items():
            for at_once in AT_ONCE[:2]:
                spent = Times()
                await load(slack, url, click, at_once, 10, Times())
                await load(slack, url, click, at_once, 200 // at_once, spent)
                made.append(
                    Row(
                        f"Click that spends, {name}, {at_once} at once: p50",
                        p50(spent.acknowledged),
                        "ms",
                    )
                )
                made.append(
                    Row(
                        f"Click that spends, {name}, {at_once} at once: p99",
                        p99(spent.acknowledged),
                        "ms",
                    )
                )
    return made


async def _our_front(stack: AsyncExitStack, slack: Slack, database: str) -> str:
    settings, environment = settings_of(slack.url, database)
    await seed(settings, projects=1, endpoints=0, channels=_CHANNELS)
    front = await stack.enter_async_context(child("fronts", "ours", **environment))
    return str(front.ready["url"])


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
            *(p50(ours.opened), "ms", p50(rival.opened), of_rivals(1)),
        ),
        Row(
            f"Command, {of}: form asked for, p99",
            *(p99(ours.opened), "ms", p99(rival.opened), of_rivals(1)),
        ),
    ]
