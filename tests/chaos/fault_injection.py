"""What strikes in a run, and when: it lies in wait for requests, or comes at random instants."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random

from pydantic import JsonValue

from bot.sandbox import faults
from bot.sandbox.environment import PROJECT, Environment
from bot.sandbox.faults import (
    Call,
    DropRequest,
    Effect,
    GarbageBody,
    LoseReply,
    Respond,
    Slow,
    TruncateBody,
)
from bot.sandbox.slack.sandbox import SCOPES
from tests.chaos.bots import Replica
from tests.chaos.cells import FIRST_OF, KILLS, STALLS, Cell, Fault, RequestKind, requests_of
from tests.chaos.clicks import Crowd
from tests.chaos.databases import Books
from tests.chaos.fault_proxy import Gate, Instant, Passages, Trap
from tests.chaos.scenario import Lives
from tests.chaos.timeouts import GIVES_UP_AFTER, LEASE, SPEED

_TO_SLACK = frozenset(
    {
        RequestKind.ROOT,
        RequestKind.REPLY,
        RequestKind.EDIT,
        RequestKind.HISTORY,
        RequestKind.APPROVE,
        RequestKind.ANSWER,
        RequestKind.APPROVE_EXTEND,
        RequestKind.APPROVE_KEEP,
    }
)
_WAKES_WITHIN = 0.7
_CLICKS_WITHIN = 20.0


class Strikes:
    """Brings a cell's fault about.

    Args:
        cell: Which.
        lots: Draws what the cell leaves open.
        here: Both sandboxes, whose answers may be spoilt.
        rows: The database, which may be cut off.
        gates: Where replicas may be cut off, by their numbers.
        replicas: What may be killed or stalled, by the same numbers.
        passages: Where traps for requests are laid.
        crowd: Whose clicks some strikes follow.
        lives: Tells whether there is news to be polled.
    """

    def __init__(
        self,
        cell: Cell,
        lots: Random,
        *,
        env: Environment,
        rows: Books,
        gates: Sequence[Gate],
        replicas: Sequence[Replica],
        passages: Passages,
        crowd: Crowd,
        lives: Lives,
    ) -> None:
        self._cell = cell
        self._lots = lots
        self._env = env
        self._rows = rows
        self._gates = gates
        self._replicas = replicas
        self._passages = passages
        self._crowd = crowd
        self._lives = lives
        self._under_way: set[asyncio.Task[None]] = set()
        self.has_struck = False

    def arm(self) -> Awaitable[object]:
        """Prepare what strikes; return what ends once all of it has."""
        lots, cell = self._lots, self._cell
        match cell.request, cell.fault:
            case RequestKind.CLICK, Fault.DATABASE:
                return self._start(self._cut_database(lots.uniform(0.0, 0.5)))
            case RequestKind.CLICK, _:
                return self._start(self._strike_after(self._crowd.begun))
            case (
                RequestKind.APPROVE | RequestKind.APPROVE_EXTEND | RequestKind.APPROVE_KEEP,
                Fault.KILL_ARRIVES | Fault.SUSPEND,
            ):
                return self._start(self._strike_after(self._crowd.due))
            case RequestKind.ANSWER, _:
                return self._lose_answer()
            case RequestKind.CLICK | RequestKind.CREATE, Fault.RESTARTED:
                return self._start(self._restart_after(self._crowd.begun))
            case _, Fault.RESTARTED if cell.request is not RequestKind.ANY:
                return self._start(self._restart_after(self._crowd.due))
            case RequestKind.ANY, fault:
                return self._start(self._strike_at_random(fault))
            case RequestKind.HISTORY, Fault.UNREADABLE:
                self._env.slack.set_scopes(SCOPES - {"channels:history", "groups:history"})
                return self._spoil(_is_post, LoseReply(), first=1, times=lots.randint(1, 4))
            case RequestKind.HISTORY, _:
                # Without a doubtful post there is no history to read.
                self._env.slack.faults.add(LoseReply(), when=_is_post, times=lots.randint(3, 5))
                return self._trap()
            case _:
                return self._trap()

    def _trap(self) -> Awaitable[object]:
        """Lie in wait for a request of the cell's step."""
        lots, cell = self._lots, self._cell
        matches = requests_of(
            cell.request,
            is_awaited=lambda: any(
                wish.name not in self._passages.creates for wish in self._crowd.deploys
            ),
            is_created=lambda: bool(self._passages.creates),
            has_news=lambda: self._lives.has_news,
            is_due=self._crowd.due.is_set,
        )
        first, last = FIRST_OF[cell.request]
        instants = {
            Fault.KILL_ARRIVES: Instant.ARRIVES,
            Fault.KILL_ACTED: Instant.ACTED,
            Fault.KILL_ANSWERED: Instant.ANSWERED,
            Fault.STALL: lots.choice([Instant.ACTED, Instant.ANSWERED]),
            Fault.SUSPEND: lots.choice([Instant.ACTED, Instant.ANSWERED]),
            Fault.CUT_OFF: lots.choice(list(Instant)),
            Fault.DATABASE: lots.choice(list(Instant)),
        }
        if cell.fault not in instants:
            return self._spoil_answers(matches, lots.randint(first, last))
        trap, *others = (
            Trap(
                matches,
                instants[cell.fault],
                self._striker(),
                nth=lots.randint(first, last),
                pause=lots.uniform(0, 0.03),
            )
            # Whoever takes over may be struck too.
            for _ in range(lots.choice([1, 1, 2] if cell.fault in KILLS else [1]))
        )
        self._passages.traps += [trap, *others]
        return trap.sprung.wait()

    def _striker(self) -> Callable[[int], None]:
        stalled = LEASE + self._lots.uniform(0.3, 1.5)
        cut = self._lots.uniform(0.1, 3.5)

        def strike(number: int) -> None:
            self.has_struck = True
            if self._cell.fault in STALLS:
                self._replicas[number].stall(stalled)
            elif self._cell.fault is Fault.CUT_OFF:
                self._start(self._cut_off(self._gates[number], cut))
            elif self._cell.fault is Fault.DATABASE:
                self._start(self._rows.cut(cut))
            else:
                self._replicas[number].kill()

        return strike

    def _spoil_answers(self, matches: Callable[[Call], bool], nth: int) -> Awaitable[object]:
        lots = self._lots
        # Each of Friendli's seconds is a fraction of ours.
        second = 1.0 if self._cell.request in _TO_SLACK else SPEED
        effects: dict[Fault, Effect] = {
            Fault.LOST_REQUEST: DropRequest(),
            Fault.LOST_REPLY: LoseReply(),
            Fault.TOO_MANY: Respond(
                429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}
            ),
            Fault.FAILS: Respond(lots.choice([500, 502, 503]), None, acts=lots.random() < 0.5),
            Fault.SLOW: Slow((GIVES_UP_AFTER + lots.uniform(0.2, 0.8)) * second),
            Fault.GARBLED: GarbageBody() if lots.random() < 0.5 else TruncateBody(),
        }
        times = lots.choice([1, 1, 2, 3])
        return self._spoil(matches, effects[self._cell.fault], first=nth, times=times)

    def _spoil(
        self, matches: Callable[[Call], bool], effect: Effect, *, first: int, times: int
    ) -> Awaitable[object]:
        """Spoil some answers in a row; return what ends with the last of them."""
        over = asyncio.Event()
        seen = 0

        def strikes(call: Call) -> bool:
            nonlocal seen
            seen += matches(call)
            if not matches(call) or seen < first:
                return False
            self.has_struck = True
            if seen == first + times - 1:
                over.set()
            return True

        to_slack = self._cell.request in _TO_SLACK
        plan = self._env.slack.faults if to_slack else self._env.friendli.faults
        plan.add(effect, when=strikes, times=times)
        return over.wait()

    async def _strike_after(self, click: asyncio.Event) -> None:
        strike = self._striker()
        # It may never come.
        async with asyncio.timeout(_CLICKS_WITHIN):
            await click.wait()
        await asyncio.sleep(self._lots.uniform(0, 0.08))
        for number, replica in enumerate(self._replicas):
            if replica.events_url == self._env.slack.events_url:
                strike(number)
                return

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
                case Fault.RESTARTED:
                    await self._rows.restart(self._kill_all)
                case Fault.REVOKED:
                    await self._revoke()
                case Fault.SLACK_DOWN:
                    await self._outage(["slack"])
                case Fault.FRIENDLI_DOWN:
                    await self._outage(["friendli"])
                case Fault.BOTH_DOWN:
                    await self._outage(["slack", "friendli"])
                case _:
                    await self._black_out(fault)

    async def _black_out(self, fault: Fault) -> None:
        """Hide the project's endpoints for longer than one must be missing to be told of."""
        friendli, seconds = self._env.friendli, self._lots.uniform(0.5, 2.5)
        if fault is Fault.MEMBERSHIP:
            friendli.hide_project(PROJECT)
            await asyncio.sleep(seconds)
            friendli.unhide_project(PROJECT)
        else:
            shown: dict[str, JsonValue] = {"data": {}, "nextCursor": None}
            nothing = Respond(200, shown) if fault is Fault.EMPTY_LIST else Respond(404)
            blackout = friendli.faults.add(nothing, operation="list_endpoints", times=None)
            await asyncio.sleep(seconds)
            friendli.faults.remove(blackout)

    def _lose_answer(self) -> Awaitable[object]:
        """Kill whoever has acknowledged a click, before Slack has its answer."""
        over = asyncio.Event()
        matches = requests_of(
            RequestKind.ANSWER,
            is_awaited=lambda: False,
            is_created=lambda: False,
            has_news=lambda: False,
            is_due=self._crowd.due.is_set,
        )

        def strikes(call: Call) -> bool:
            if not matches(call):
                return False
            self.has_struck = True
            # An answer names no process.
            self._kill_all()
            over.set()
            return True

        self._env.slack.faults.add(DropRequest(), when=strikes, times=1)
        return over.wait()

    def _kill_all(self) -> None:
        for replica in self._replicas:
            replica.kill()

    async def _restart_after(self, click: asyncio.Event) -> None:
        async with asyncio.timeout(_CLICKS_WITHIN):
            await click.wait()
        await self._rows.restart(self._kill_all)

    async def _revoke(self) -> None:
        """Slack refuses the token, tells the bot of it, and takes the token again later."""
        self._env.slack.revoke_token()
        await asyncio.sleep(self._lots.uniform(0.5, 4.0))
        self._env.slack.reinstall()

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
        plans: dict[str, faults.FaultPlan] = {
            "slack": self._env.slack.faults,
            "friendli": self._env.friendli.faults,
        }
        effect: Effect = Respond(503) if lots.random() < 0.5 else DropRequest()
        added = [(plans[name], plans[name].add(effect, times=None)) for name in services]
        await asyncio.sleep(seconds)
        for plan, fault in added:
            plan.remove(fault)

    async def _cut_off(self, gate: Gate, seconds: float) -> None:
        service = "slack" if self._cell.request in _TO_SLACK else "friendli"
        await gate.shut(service)
        await asyncio.sleep(seconds)
        await gate.reopen(service)

    async def _cut_database(self, after: float) -> None:
        await asyncio.sleep(after)
        await self._rows.cut(self._lots.uniform(0.2, 4.0))

    def _start(self, strike: Coroutine[object, object, None]) -> Awaitable[object]:
        async def strike_once() -> None:
            await strike
            self.has_struck = True

        task = asyncio.create_task(strike_once())
        self._under_way.add(task)
        return asyncio.shield(task)

    async def end(self) -> None:
        """Let everything work again, and wait until it does."""
        self._passages.traps.clear()
        self._env.slack.faults.clear()
        self._env.friendli.faults.clear()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if not all(replica.awake.is_set() for replica in self._replicas):
            await asyncio.gather(*(replica.awake.wait() for replica in self._replicas))
            # What it does on waking must be seen.
            await asyncio.sleep(_WAKES_WITHIN)
        for gate in self._gates:
            await gate.reopen("slack")
            await gate.reopen("friendli")

    async def give_up(self) -> None:
        """Strike no more: the run is over."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _is_post(call: Call) -> bool:
    return call.operation == "chat.postMessage"
