"""Injects a cell's fault: into a matching request, or at random times."""

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
from tests.chaos.clicks import Users
from tests.chaos.databases import BotDatabase
from tests.chaos.fault_proxy import Instant, ProxyLog, ReplicaProxy, Trap
from tests.chaos.scenario import Lifecycles
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


class FaultInjector:
    """Injects a cell's fault.

    Args:
        rng: Draws what the cell leaves open.
        proxies: By replica number.
        replicas: By the same numbers.
        proxy_log: Where traps are set.
        users: Whose clicks some faults follow.
    """

    def __init__(
        self,
        cell: Cell,
        rng: Random,
        *,
        env: Environment,
        database: BotDatabase,
        proxies: Sequence[ReplicaProxy],
        replicas: Sequence[Replica],
        proxy_log: ProxyLog,
        users: Users,
        lifecycles: Lifecycles,
    ) -> None:
        self._cell = cell
        self._rng = rng
        self._env = env
        self._database = database
        self._proxies = proxies
        self._replicas = replicas
        self._proxy_log = proxy_log
        self._users = users
        self._lifecycles = lifecycles
        self._under_way: set[asyncio.Task[None]] = set()
        self.was_injected = False

    def arm(self) -> Awaitable[object]:
        """Prepare the fault; the result ends once it was injected."""
        rng, cell = self._rng, self._cell
        match cell.request, cell.fault:
            case RequestKind.CLICK, Fault.DATABASE:
                return self._start(self._cut_database(rng.uniform(0.0, 0.5)))
            case RequestKind.CLICK, _:
                return self._start(self._inject_after(self._users.begun))
            case (
                RequestKind.APPROVE | RequestKind.APPROVE_EXTEND | RequestKind.APPROVE_KEEP,
                Fault.KILL_ARRIVES | Fault.SUSPEND,
            ):
                return self._start(self._inject_after(self._users.due))
            case RequestKind.ANSWER, _:
                return self._lose_answer()
            case RequestKind.CLICK | RequestKind.CREATE, Fault.RESTARTED:
                return self._start(self._restart_after(self._users.begun))
            case _, Fault.RESTARTED if cell.request is not RequestKind.ANY:
                return self._start(self._restart_after(self._users.due))
            case RequestKind.ANY, fault:
                return self._start(self._inject_at_random(fault))
            case RequestKind.HISTORY, Fault.UNREADABLE:
                self._env.slack.set_scopes(SCOPES - {"channels:history", "groups:history"})
                return self._spoil(_is_post, LoseReply(), first=1, times=rng.randint(1, 4))
            case RequestKind.HISTORY, _:
                # Only a doubtful post makes the bot read the history.
                self._env.slack.faults.add(LoseReply(), when=_is_post, times=rng.randint(3, 5))
                return self._trap()
            case _:
                return self._trap()

    def _trap(self) -> Awaitable[object]:
        """Wait for a request of the cell's step."""
        rng, cell = self._rng, self._cell
        matches = requests_of(
            cell.request,
            is_awaited=lambda: any(
                request.name not in self._proxy_log.creates
                for request in self._users.deploy_requests
            ),
            is_created=lambda: bool(self._proxy_log.creates),
            has_news=lambda: self._lifecycles.has_news,
            is_due=self._users.due.is_set,
        )
        first, last = FIRST_OF[cell.request]
        instants = {
            Fault.KILL_ARRIVES: Instant.ARRIVES,
            Fault.KILL_ACTED: Instant.ACTED,
            Fault.KILL_ANSWERED: Instant.ANSWERED,
            Fault.STALL: rng.choice([Instant.ACTED, Instant.ANSWERED]),
            Fault.SUSPEND: rng.choice([Instant.ACTED, Instant.ANSWERED]),
            Fault.CUT_OFF: rng.choice(list(Instant)),
            Fault.DATABASE: rng.choice(list(Instant)),
        }
        if cell.fault not in instants:
            return self._spoil_answers(matches, rng.randint(first, last))
        trap, *others = (
            Trap(
                matches,
                instants[cell.fault],
                self._injection(),
                nth=rng.randint(first, last),
                pause=rng.uniform(0, 0.03),
            )
            # The replica that takes over may fail too.
            for _ in range(rng.choice([1, 1, 2] if cell.fault in KILLS else [1]))
        )
        self._proxy_log.traps += [trap, *others]
        return trap.triggered.wait()

    def _injection(self) -> Callable[[int], None]:
        stalled = LEASE + self._rng.uniform(0.3, 1.5)
        cut = self._rng.uniform(0.1, 3.5)

        def inject(number: int) -> None:
            self.was_injected = True
            if self._cell.fault in STALLS:
                self._replicas[number].stall(stalled)
            elif self._cell.fault is Fault.CUT_OFF:
                self._start(self._cut_off(self._proxies[number], cut))
            elif self._cell.fault is Fault.DATABASE:
                self._start(self._database.cut(cut))
            else:
                self._replicas[number].kill()

        return inject

    def _spoil_answers(self, matches: Callable[[Call], bool], nth: int) -> Awaitable[object]:
        rng = self._rng
        # The sandbox's clock is faster.
        second = 1.0 if self._cell.request in _TO_SLACK else SPEED
        effects: dict[Fault, Effect] = {
            Fault.LOST_REQUEST: DropRequest(),
            Fault.LOST_REPLY: LoseReply(),
            Fault.TOO_MANY: Respond(
                429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}
            ),
            Fault.FAILS: Respond(rng.choice([500, 502, 503]), None, acts=rng.random() < 0.5),
            Fault.SLOW: Slow((GIVES_UP_AFTER + rng.uniform(0.2, 0.8)) * second),
            Fault.GARBLED: GarbageBody() if rng.random() < 0.5 else TruncateBody(),
        }
        times = rng.choice([1, 1, 2, 3])
        return self._spoil(matches, effects[self._cell.fault], first=nth, times=times)

    def _spoil(
        self, matches: Callable[[Call], bool], effect: Effect, *, first: int, times: int
    ) -> Awaitable[object]:
        """Spoil some answers in a row; the result ends with the last."""
        over = asyncio.Event()
        seen = 0

        def takes(call: Call) -> bool:
            nonlocal seen
            seen += matches(call)
            if not matches(call) or seen < first:
                return False
            self.was_injected = True
            if seen == first + times - 1:
                over.set()
            return True

        to_slack = self._cell.request in _TO_SLACK
        plan = self._env.slack.faults if to_slack else self._env.friendli.faults
        plan.add(effect, when=takes, times=times)
        return over.wait()

    async def _inject_after(self, click: asyncio.Event) -> None:
        inject = self._injection()
        # The click may never come.
        async with asyncio.timeout(_CLICKS_WITHIN):
            await click.wait()
        await asyncio.sleep(self._rng.uniform(0, 0.08))
        for number, replica in enumerate(self._replicas):
            if replica.events_url == self._env.slack.events_url:
                inject(number)
                return

    async def _inject_at_random(self, fault: Fault) -> None:
        rng = self._rng
        for _ in range(rng.randint(1, 3)):
            await asyncio.sleep(rng.uniform(0.2, 2.5))
            match fault:
                case Fault.KILL_ANSWERED:
                    rng.choice(self._replicas).kill()
                case Fault.STALL | Fault.SUSPEND:
                    rng.choice(self._replicas).stall(LEASE + rng.uniform(0.3, 1.5))
                case Fault.DATABASE:
                    await self._database.cut(rng.uniform(0.1, 3.0))
                case Fault.RESTARTED:
                    await self._database.restart(self._kill_all)
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
        """Hide endpoints for longer than it takes to post that they are missing."""
        friendli, seconds = self._env.friendli, self._rng.uniform(0.5, 2.5)
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
        """Kill the process that acknowledged a click before it answers."""
        over = asyncio.Event()
        matches = requests_of(
            RequestKind.ANSWER,
            is_awaited=lambda: False,
            is_created=lambda: False,
            has_news=lambda: False,
            is_due=self._users.due.is_set,
        )

        def takes(call: Call) -> bool:
            if not matches(call):
                return False
            self.was_injected = True
            # An answer doesn't show its process.
            self._kill_all()
            over.set()
            return True

        self._env.slack.faults.add(DropRequest(), when=takes, times=1)
        return over.wait()

    def _kill_all(self) -> None:
        for replica in self._replicas:
            replica.kill()

    async def _restart_after(self, click: asyncio.Event) -> None:
        async with asyncio.timeout(_CLICKS_WITHIN):
            await click.wait()
        await self._database.restart(self._kill_all)

    async def _revoke(self) -> None:
        """Revoke the token, and accept it again later."""
        self._env.slack.revoke_token()
        await asyncio.sleep(self._rng.uniform(0.5, 4.0))
        self._env.slack.reinstall()

    async def _outage(self, services: list[str]) -> None:
        rng = self._rng
        seconds = rng.uniform(0.5, 4.0)
        if rng.random() < 0.5:
            for proxy in self._proxies:
                for service in services:
                    await proxy.shut(service)
            await asyncio.sleep(seconds)
            for proxy in self._proxies:
                for service in services:
                    await proxy.reopen(service)
            return
        plans: dict[str, faults.FaultPlan] = {
            "slack": self._env.slack.faults,
            "friendli": self._env.friendli.faults,
        }
        effect: Effect = Respond(503) if rng.random() < 0.5 else DropRequest()
        added = [(plans[name], plans[name].add(effect, times=None)) for name in services]
        await asyncio.sleep(seconds)
        for plan, fault in added:
            plan.remove(fault)

    async def _cut_off(self, proxy: ReplicaProxy, seconds: float) -> None:
        service = "slack" if self._cell.request in _TO_SLACK else "friendli"
        await proxy.shut(service)
        await asyncio.sleep(seconds)
        await proxy.reopen(service)

    async def _cut_database(self, after: float) -> None:
        await asyncio.sleep(after)
        await self._database.cut(self._rng.uniform(0.2, 4.0))

    def _start(self, inject: Coroutine[object, object, None]) -> Awaitable[object]:
        async def inject_once() -> None:
            await inject
            self.was_injected = True

        task = asyncio.create_task(inject_once())
        self._under_way.add(task)
        return asyncio.shield(task)

    async def end(self) -> None:
        """End all faults, and wait until everything works."""
        self._proxy_log.traps.clear()
        self._env.slack.faults.clear()
        self._env.friendli.faults.clear()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if not all(replica.awake.is_set() for replica in self._replicas):
            await asyncio.gather(*(replica.awake.wait() for replica in self._replicas))
            # Its first actions count too.
            await asyncio.sleep(_WAKES_WITHIN)
        for proxy in self._proxies:
            await proxy.reopen("slack")
            await proxy.reopen("friendli")

    async def give_up(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _is_post(call: Call) -> bool:
    return call.operation == "chat.postMessage"
