"""One run: a world, bots in it, people who click, something that strikes, and what is left."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bot.sandbox.faults import (
    Answer,
    Call,
    DropRequest,
    Effect,
    FaultPlan,
    GarbageBody,
    LoseReply,
    Slow,
    TruncateBody,
)
from bot.sandbox.page.bot_process import environment
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.sandbox import SCOPES
from bot.sandbox.world import API_KEY, PROJECT, World, world
from tests.chaos.bots import Replica
from tests.chaos.cells import FIRST_OF, STALLS, Cell, Fault, Step, requests_of
from tests.chaos.checks import Evidence, violations
from tests.chaos.clicks import Crowd
from tests.chaos.databases import Books, Engine, books
from tests.chaos.gates import Gate, Instant, Passages, Trap
from tests.chaos.story import Lives

# The bot's own waits, made short: what they mean stays.
LEASE = 2.5
GIVES_UP_AFTER = 1.0
WAITS: dict[str, object] = {
    "poll_seconds_moving": 0.1,
    "poll_seconds_steady": 0.25,
    "poll_seconds_ended": 0.3,
    "outage_told_after": 1.0,
    "create_give_up_after": 5.0,
    "friendli_retry_wait": 0.05,
    "gone_confirmed_after": 0.5,
    "unknown_told_after": 0.5,
    "slack_message_interval": 0.02,
    "slack_edit_interval": 0.02,
    "slack_reconcile_over": 0.6,
    "slack_stopped_retry": 0.5,
    "slack_timeout": GIVES_UP_AFTER,
    "create_timeout": GIVES_UP_AFTER,
    "lease": LEASE,
    "reconnect_after": 0.2,
    "shutdown_timeout": 2.0,
}
LIMITS = Limits(enabled=False, history_lag=0.2)
# Endpoints take a second to go down.
_SPEED = 20.0
_STRIKES_WITHIN = 15.0
_SETTLES_WITHIN = 60.0
_STEADY_FOR = 3
_WAKES_WITHIN = 0.7
_STRANGERS = 4
_LOOKS_EVERY = 0.1
_PACKAGE = Path(__file__).parents[2]
_SLEEPY = Path(__file__).parent / "suspend"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run needs from outside.

    Attributes:
        server: The PostgreSQL server's URL; '' if only SQLite is used.
        package: The folder in which the bot's package lies.
    """

    server: str = ""
    package: Path = _PACKAGE

    def path(self, cell: Cell) -> str:
        """Where the bot's processes look for modules first."""
        folders = [self.package, *([_SLEEPY] if cell.fault is Fault.SUSPEND else [])]
        return os.pathsep.join(map(str, folders))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed.

    Attributes:
        cell: Which.
        engine: On which.
        seed: With which.
        struck: Whether the fault came to strike.
        violations: Every broken promise.
        report: What there was, for a run with violations.
    """

    cell: Cell
    engine: Engine
    seed: int
    struck: bool
    violations: list[str]
    report: str


async def run(cell: Cell, engine: Engine, seed: int, setup: Setup) -> Outcome:
    """Run one seed of a cell."""
    with tempfile.TemporaryDirectory(prefix="chaos") as name:
        folder = Path(name)
        async with (
            books(engine, folder, setup.server) as rows,
            world(rows.url, speed=_SPEED, limits=LIMITS) as here,
            _Scene.open(here, rows, cell, engine, seed, setup, folder) as scene,
        ):
            broken = await scene.play()
            report = scene.report() if broken else ""
            return Outcome(cell, engine, seed, scene.struck, broken, report)


class _Scene:
    """A run under way."""

    def __init__(self, here: World, rows: Books, cell: Cell, engine: Engine, seed: int) -> None:
        self._here = here
        self._rows = rows
        self._cell = cell
        self._lots = Random(f"{cell.name}/{engine}/{seed}")  # noqa: S311 - not a secret
        self._passages = Passages()
        self._gates: list[Gate] = []
        self._replicas: list[Replica] = []
        self._channels = [here.channel]
        self._lives = Lives(here.friendli, rows, f"{cell.name}/{engine}/{seed}")
        self._crowd = Crowd(here, self._channels, self._lots, self._point_slack)
        self._faults: set[asyncio.Task[None]] = set()
        self._at_peace = False
        self.struck = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        here: World,
        rows: Books,
        cell: Cell,
        engine: Engine,
        seed: int,
        setup: Setup,
        folder: Path,
    ) -> AsyncIterator["_Scene"]:
        """Start the bots and connect the channels."""
        scene = cls(here, rows, cell, engine, seed)
        async with AsyncExitStack() as stack:
            for number in range(engine.replicas):
                gate = await stack.enter_async_context(
                    Gate(
                        number,
                        slack=here.slack.url,
                        friendli=here.friendli.url,
                        passages=scene._passages,
                    )
                )
                settings = here.settings(
                    **WAITS,
                    slack_api_url=f"{gate.url('slack')}/api/",
                    friendli_api_url=gate.url("friendli"),
                    data_dir=folder,
                )
                variables = {**environment(settings), "PYTHONPATH": setup.path(cell)}
                replica = Replica(f"bot-{number}", variables, folder)
                scene._gates.append(gate)
                scene._replicas.append(replica)
                stack.push_async_callback(replica.end)
            await asyncio.gather(*(replica.start() for replica in scene._replicas))
            await scene._connect()
            yield scene

    async def play(self) -> list[str]:
        """Act, strike, let everything settle, and look."""
        tasks = [asyncio.create_task(self._lives.run()), asyncio.create_task(self._keep_alive())]
        try:
            await self._act()
            problem = await self._settle()
            found = violations(
                Evidence(
                    here=self._here,
                    channels=self._channels,
                    deploys=self._crowd.deploys,
                    stops=self._crowd.stops,
                    creates=self._passages.creates,
                    lives=self._lives,
                    repeats_allowed=self._cell.fault is Fault.UNREADABLE,
                )
            )
            return [*problem, *found]
        finally:
            for task in [*tasks, *self._faults]:
                task.cancel()
            await asyncio.gather(*tasks, *self._faults, return_exceptions=True)

    def report(self) -> str:
        """Everything there is, for whoever looks for the cause."""
        parts = [self._here.slack.summary()]
        parts += [
            f"{one.id} {one.name} {one.status} {one.phase or ''}"
            for one in self._here.friendli.endpoints.values()
        ]
        parts += [str(row) for row in self._lives.kept.values()]
        parts += [f"--- {one.name}, killed {one.deaths}×\n{one.tail(40)}" for one in self._replicas]
        return "\n".join(parts)

    # --- before

    async def _connect(self) -> None:
        lots = self._lots
        if lots.random() < 0.4:
            people = [self._here.admin.user, self._here.member.user]
            self._channels.append(self._here.slack.add_channel("ml-more", members=people))
        for channel in self._channels:
            self._point_slack()
            await _connect(self._here, channel)

    # --- during

    async def _act(self) -> None:
        lots, cell = self._lots, self._cell
        self._passages.on_create = self._passages.on_created = self._add_stranger
        strike = self._arm()
        count = lots.choice([1, 2, 2, 3])
        # The first one is ended where the cell is about that.
        stops = [
            (cell.step is Step.TERMINATE and index == 0) or lots.random() < 0.2
            for index in range(count)
        ]
        people = asyncio.gather(*(self._crowd.ask(stop=stop) for stop in stops))
        striking = asyncio.ensure_future(strike)

        async def pass_over() -> None:
            # What needs a second deployment, or a message that is lost, may never come.
            await asyncio.shield(people)
            if cell.step is Step.ANY:
                await asyncio.shield(striking)
            await self._become_calm()

        passing = asyncio.create_task(pass_over())
        await asyncio.wait(
            [striking, passing], timeout=_STRIKES_WITHIN, return_when=asyncio.FIRST_COMPLETED
        )
        self.struck = striking.done()
        passing.cancel()
        striking.cancel()
        await self._make_peace()
        await people

    def _arm(self) -> Awaitable[object]:
        """Prepare what strikes; return what ends once it has."""
        lots, cell = self._lots, self._cell
        match cell.step, cell.fault:
            case Step.CLICK, Fault.DATABASE:
                return self._start(self._cut_database(lots.uniform(0.0, 0.5)))
            case Step.CLICK, _:
                return self._start(self._kill_after_click())
            case Step.ANY, fault:
                return self._start(self._strike_at_random(fault))
            case Step.HISTORY, fault:
                self._lose_posts(lots.randint(1, 4))
                if fault is Fault.UNREADABLE:
                    self._here.slack.set_scopes(SCOPES - {"channels:history", "groups:history"})
                    return _nothing()
                return self._trap()
            case _:
                return self._trap()

    def _trap(self) -> Awaitable[object]:
        """Lie in wait for a request of the cell's step."""
        lots, cell = self._lots, self._cell
        matches = requests_of(
            cell.step,
            is_created=lambda: bool(self._passages.creates),
            has_news=lambda: self._lives.has_news,
        )
        nth = lots.randint(*FIRST_OF[cell.step])
        instants = {
            Fault.KILL_ARRIVES: Instant.ARRIVES,
            Fault.KILL_ACTED: Instant.ACTED,
            Fault.KILL_ANSWERED: Instant.ANSWERED,
            Fault.STALL: lots.choice([Instant.ACTED, Instant.ANSWERED]),
            Fault.SUSPEND: lots.choice([Instant.ACTED, Instant.ANSWERED]),
            Fault.DATABASE: lots.choice(list(Instant)),
        }
        if cell.fault not in instants:
            return self._spoil_answers(matches, nth)
        trap = Trap(
            matches, instants[cell.fault], self._striker(), nth=nth, pause=lots.uniform(0, 0.03)
        )
        self._passages.traps.append(trap)
        return trap.sprung.wait()

    def _striker(self) -> Callable[[int], None]:
        stalled = LEASE + self._lots.uniform(0.3, 1.5)
        cut = self._lots.uniform(0.1, 3.5)

        def strike(number: int) -> None:
            if self._cell.fault in STALLS:
                self._replicas[number].stall(stalled)
            elif self._cell.fault is Fault.DATABASE:
                self._start(self._rows.cut(cut))
            else:
                self._replicas[number].kill()

        return strike

    def _spoil_answers(self, matches: Callable[[Call], bool], nth: int) -> Awaitable[object]:
        lots, fault = self._lots, self._cell.fault
        to_friendli = self._cell.step in {
            Step.LIST,
            Step.CREATE,
            Step.LOOK,
            Step.POLL,
            Step.TERMINATE,
        }
        plan = self._here.friendli.faults if to_friendli else self._here.slack.faults
        # Each of Friendli's seconds is a fraction of ours.
        second = _SPEED if to_friendli else 1.0
        effects: dict[Fault, Effect] = {
            Fault.LOST_REQUEST: DropRequest(),
            Fault.LOST_REPLY: LoseReply(),
            Fault.TOO_MANY: Answer(
                429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}
            ),
            Fault.FAILS: Answer(lots.choice([500, 502, 503]), None, acts=lots.random() < 0.5),
            Fault.SLOW: Slow((GIVES_UP_AFTER + lots.uniform(0.2, 0.8)) * second),
            Fault.GARBLED: GarbageBody() if lots.random() < 0.5 else TruncateBody(),
        }
        times = lots.choice([1, 1, 2, 3])
        struck = asyncio.Event()
        seen = 0

        def strikes(call: Call) -> bool:
            nonlocal seen
            if not matches(call):
                return False
            seen += 1
            if seen < nth:
                return False
            struck.set()
            return True

        plan.add(effects[fault], when=strikes, times=times)
        return struck.wait()

    def _lose_posts(self, times: int) -> None:
        self._here.slack.faults.add(LoseReply(), operation="chat.postMessage", times=times)

    async def _kill_after_click(self) -> None:
        lots = self._lots
        await self._crowd.begun.wait()
        await asyncio.sleep(lots.uniform(0, 0.08))
        for replica in self._replicas:
            if replica.events_url == self._here.slack.events_url:
                replica.kill()

    async def _strike_at_random(self, fault: Fault) -> None:
        lots = self._lots
        for _ in range(lots.randint(1, 3)):
            await asyncio.sleep(lots.uniform(0.2, 2.5))
            match fault:
                case Fault.KILL_ANSWERED:
                    lots.choice(self._replicas).kill()
                case Fault.STALL | Fault.SUSPEND:
                    lots.choice(self._replicas).stall(LEASE + lots.uniform(0.3, 1.5))
                case Fault.DATABASE:
                    await self._rows.cut(lots.uniform(0.1, 3.0))
                case Fault.SLACK_DOWN:
                    await self._outage(["slack"])
                case Fault.FRIENDLI_DOWN:
                    await self._outage(["friendli"])
                case _:
                    await self._outage(["slack", "friendli"])

    async def _outage(self, services: list[str]) -> None:
        lots = self._lots
        seconds = lots.uniform(0.5, 4.0)
        if lots.random() < 0.5:
            for gate in self._gates:
                for service in services:
                    await gate.shut(service)
            await asyncio.sleep(seconds)
            for gate in self._gates:
                for service in services:
                    await gate.reopen(service)
            return
        plans: dict[str, FaultPlan] = {
            "slack": self._here.slack.faults,
            "friendli": self._here.friendli.faults,
        }
        effect: Effect = Answer(503) if lots.random() < 0.5 else DropRequest()
        added = [(plans[name], plans[name].add(effect, times=None)) for name in services]
        await asyncio.sleep(seconds)
        for plan, fault in added:
            plan.remove(fault)

    async def _cut_database(self, after: float) -> None:
        await asyncio.sleep(after)
        await self._rows.cut(self._lots.uniform(0.2, 4.0))

    def _add_stranger(self) -> None:
        """Somebody makes an endpoint in Friendli Suite just before, or after, one of ours."""
        strangers = [
            one for one in self._here.friendli.endpoints.values() if one.name == "stranger"
        ]
        if len(strangers) < _STRANGERS:
            self._here.friendli.create(project_id=PROJECT, name="stranger")

    def _start(self, fault: Awaitable[None]) -> Awaitable[object]:
        async def strike() -> None:
            await fault

        task = asyncio.create_task(strike())
        self._faults.add(task)
        return asyncio.shield(task)

    # --- after

    async def _make_peace(self) -> None:
        self._passages.traps.clear()
        self._here.slack.faults.clear()
        self._here.friendli.faults.clear()
        await asyncio.gather(*self._faults, return_exceptions=True)
        if not all(replica.awake.is_set() for replica in self._replicas):
            await asyncio.gather(*(replica.awake.wait() for replica in self._replicas))
            # What it does on waking must be seen.
            await asyncio.sleep(_WAKES_WITHIN)
        for gate in self._gates:
            await gate.reopen("slack")
            await gate.reopen("friendli")
        self._at_peace = True

    async def _settle(self) -> list[str]:
        try:
            async with asyncio.timeout(_SETTLES_WITHIN):
                await self._become_calm()
        except TimeoutError:
            return [f"nothing settled within {_SETTLES_WITHIN:g} s"]
        return []

    async def _become_calm(self) -> None:
        calm = 0
        while calm < _STEADY_FOR:
            await asyncio.sleep(_LOOKS_EVERY)
            calm = calm + 1 if await self._is_calm() else 0

    async def _is_calm(self) -> bool:
        """Whether nothing is under way, as of one moment."""
        lives = self._lives
        before = dict(lives.kept)
        settled = all(lives.has_settled(row) for row in before.values())
        if not settled or await self._rows.unsent() != 0:
            return False
        await lives.look()
        return lives.kept == before

    async def _keep_alive(self) -> None:
        """Start what was killed: at once where there is only one, else once all are dead."""
        while True:
            if not any(replica.is_alive for replica in self._replicas):
                await self._lots.choice(self._replicas).start()
            await asyncio.sleep(_LOOKS_EVERY)

    def _point_slack(self) -> None:
        """Let Slack send what people do to a replica that can take it, if there is one."""
        able = [replica for replica in self._replicas if replica.is_responsive]
        chosen = (able or self._replicas)[0] if len(able) < 2 else self._lots.choice(able)
        self._here.slack.events_url = chosen.events_url


async def _connect(here: World, channel: Channel) -> None:
    """Connect a channel to the sandbox's project, the way an admin does it."""
    admin = here.admin
    await admin.command(channel, "connect prod")
    await here.slack.until(lambda: admin.modal, timeout=30)
    await admin.fill("Target name", "prod")
    await admin.fill("Friendli project id", PROJECT)
    await admin.fill("Friendli API key", API_KEY)
    await admin.submit()
    await here.slack.until(
        lambda: admin.modal is not None and "is connected" in str(admin.modal.body), timeout=30
    )
    await admin.close_modal()


async def _nothing() -> None:
    """Nothing more has to happen for the fault to have struck."""
