"""One run: sandboxes, bots, users, a fault, and the checks."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

from bot.domain.deployment_state import DeploymentState as Deployed
from bot.sandbox.environment import PROJECT, Environment, open_environment
from bot.sandbox.friendli import RESPONSE_VARIANTS
from bot.sandbox.page.bot_process import environment
from bot.sandbox.slack.conversations import Message
from tests.chaos.approvals import ALL_ACTIONS
from tests.chaos.bots import Replica
from tests.chaos.cells import APPROVALS, Cell, Fault, RequestKind
from tests.chaos.checks import Evidence, violations
from tests.chaos.clicks import UserAction, Users
from tests.chaos.connecting import connect
from tests.chaos.databases import BotDatabase, Engine
from tests.chaos.fault_injection import FaultInjector
from tests.chaos.fault_proxy import ProxyLog, ReplicaProxy
from tests.chaos.operations import ANYTHING, STOP
from tests.chaos.scenario import Lifecycles
from tests.chaos.setup import Outcome, Setup
from tests.chaos.timeouts import DURATIONS, LIMITS, SPEED, WAITS
from tests.databases import MEMORY

_INJECTED_WITHIN = 20.0
# Further deployments until the fault is injected.
_ASKS_MORE = 2
_SETTLES_WITHIN = 60.0
_STEADY_FOR = 3
_STRANGERS = 4
_EMPTY = 0.1
# With the others a person has to choose the endpoint.
_VARIANTS = [
    name
    for name, one in RESPONSE_VARIANTS.items()
    if one.is_recognizable and not one.needs_its_answer
]
_LOOKS_EVERY = 0.1
_NONE = "None of these"


async def run(cell: Cell, engine: Engine, seed: int, setup: Setup) -> Outcome:
    # Some start with an empty database.
    empty = Random(f"database of {cell.name}/{engine}/{seed}").random() < _EMPTY  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="chaos", dir=MEMORY) as name:
        folder = Path(name)
        async with (
            setup.databases.database(engine, folder, empty=empty) as database,
            open_environment(database.url, speed=SPEED, durations=DURATIONS, limits=LIMITS) as env,
            _Run.open(env, database, cell, engine, seed, setup, folder) as run_,
        ):
            broken = await run_.play()
            report = run_.report() if broken else ""
            return Outcome(cell, engine, seed, run_.was_injected, broken, report)


class _Run:
    """A run."""

    def __init__(
        self, env: Environment, database: BotDatabase, cell: Cell, engine: Engine, seed: int
    ) -> None:
        self._env = env
        self._database = database
        self._cell = cell
        name = f"{cell.name}/{engine}/{seed}"
        self._rng = Random(name)  # noqa: S311 - not a secret
        self._router = Random(f"front of {name}")  # noqa: S311 - as above
        self._variant = Random(f"wording of {name}").choice(_VARIANTS)  # noqa: S311 - as above
        env.friendli.variant = RESPONSE_VARIANTS[self._variant]
        self._proxy_log = ProxyLog()
        self._proxies: list[ReplicaProxy] = []
        self._replicas: list[Replica] = []
        self._channels = [env.channel]
        self._lifecycles = Lifecycles(env.friendli, database, name)
        self._users = Users(
            env,
            self._channels,
            Random(f"people of {name}"),  # noqa: S311 - as above
            route=self._point_slack,
            lifecycles=self._lifecycles,
            creates=self._proxy_log.creates,
            fall_due=database.fall_due,
        )
        self._unapproved: list[str] = []
        self._injector = FaultInjector(
            cell,
            Random(f"fault of {name}"),  # noqa: S311 - as above
            env=env,
            database=database,
            proxies=self._proxies,
            replicas=self._replicas,
            proxy_log=self._proxy_log,
            users=self._users,
            lifecycles=self._lifecycles,
        )

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        env: Environment,
        database: BotDatabase,
        cell: Cell,
        engine: Engine,
        seed: int,
        setup: Setup,
        folder: Path,
    ) -> AsyncIterator["_Run"]:
        run_ = cls(env, database, cell, engine, seed)
        async with AsyncExitStack() as stack:
            for number in range(engine.replicas):
                proxy = await stack.enter_async_context(
                    ReplicaProxy(
                        number,
                        slack=env.slack.url,
                        friendli=env.friendli.url,
                        proxy_log=run_._proxy_log,
                    )
                )
                settings = env.settings(
                    **WAITS,
                    # Elsewhere a test request could wake what was put to sleep beneath it.
                    smoke_test=cell.request is RequestKind.SMOKE_TEST,
                    slack_api_url=f"{proxy.url('slack')}/api/",
                    friendli_api_url=proxy.url("friendli"),
                    data_dir=folder,
                )
                variables = {**environment(settings), "PYTHONPATH": setup.path(cell)}
                fork = partial(setup.fork_servers.fork, setup.path(cell))
                replica = Replica(f"bot-{number}", variables, folder, fork)
                run_._proxies.append(proxy)
                run_._replicas.append(replica)
                stack.push_async_callback(replica.end)
            await asyncio.gather(*(replica.start() for replica in run_._replicas))
            await run_._connect()
            yield run_

    async def play(self) -> list[str]:
        always = (self._lifecycles.run(), self._keep_alive(), self._rule_out_strangers())
        tasks = [asyncio.create_task(one) for one in always]
        try:
            await self._act()
            problem = await self._settle()
            found = violations(
                Evidence(
                    env=self._env,
                    channels=self._channels,
                    deploy_requests=self._users.deploy_requests,
                    requests=self._users.requests,
                    creates=Counter(self._proxy_log.creates)
                    - Counter(self._proxy_log.limited_creates),
                    updates=self._proxy_log.updates,
                    tests=Counter(self._proxy_log.tests),
                    test_attempts=await self._database.test_attempts(),
                    unknown=self._proxy_log.unknown,
                    unapproved=self._unapproved,
                    lifecycles=self._lifecycles,
                    repeats_allowed=self._cell.fault is Fault.UNREADABLE,
                )
            )
            return [*problem, *found]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, self._injector.give_up(), return_exceptions=True)

    @property
    def was_injected(self) -> bool:
        return self._injector.was_injected

    def report(self) -> str:
        """Everything that helps to find the cause."""
        parts = [f"worded as {self._variant}", self._env.slack.summary()]
        parts += [
            f"{one.id} {one.name} {one.status} {one.phase or ''}"
            for one in self._env.friendli.endpoints.values()
        ]
        parts += [str(row) for row in self._lifecycles.stored.values()]
        parts += [f"--- {one.name}, killed {one.deaths}×\n{one.tail(40)}" for one in self._replicas]
        return "\n".join(parts)

    # --- before

    async def _connect(self) -> None:
        rng = self._rng
        if rng.random() < 0.4:
            people = [self._env.admin.user, self._env.member.user]
            self._channels.append(self._env.slack.add_channel("ml-more", members=people))
        for channel in self._channels:
            self._point_slack()
            await connect(self._env, channel)
        if self._cell.request in APPROVALS:
            await self._database.require_approval()
            # Requesters may not decide: the member, and at times the first admin.
            for name in ("second", "third"):
                other = self._env.slack.add_user(name, is_admin=True)
                self._users.admins.append(self._env.slack.act_as(other))
                for channel in self._channels:
                    channel.member_ids.append(other.id)

    # --- during

    async def _act(self) -> None:
        rng, cell = self._rng, self._cell
        self._proxy_log.on_create = self._on_create
        self._proxy_log.on_operation = self._on_operation
        self._proxy_log.on_created = self._add_stranger
        count = rng.choice([1, 2, 2, 3])
        actions = [self._drawn_action(is_first=index == 0) for index in range(count)]
        people = [asyncio.create_task(self._users.ask(action)) for action in actions]
        injecting = asyncio.ensure_future(self._injector.arm())

        async def pass_over() -> None:
            while True:
                await asyncio.wait(people)
                if cell.request is RequestKind.ANY:
                    await asyncio.shield(injecting)
                await self._become_calm()
                if self.was_injected or len(people) == count + _ASKS_MORE:
                    # A fault that needs a lost message, for one, may never come.
                    return
                people.append(asyncio.create_task(self._users.ask(ALL_ACTIONS.get(cell.request))))

        passing = asyncio.create_task(pass_over())
        await asyncio.wait(
            [injecting, passing], timeout=_INJECTED_WITHIN, return_when=asyncio.FIRST_COMPLETED
        )
        passing.cancel()
        injecting.cancel()
        await self._injector.end()
        await asyncio.gather(*people)

    def _drawn_action(self, *, is_first: bool) -> UserAction | None:
        """An action beside the one that the cell is about."""
        rng, action = self._rng, ALL_ACTIONS.get(self._cell.request)
        if action is not None and (is_first or self._cell.request in APPROVALS):
            return action
        if self._cell.request in (RequestKind.ANY, RequestKind.CLICK) and rng.random() < 0.5:
            return rng.choice(ANYTHING)
        return STOP if rng.random() < 0.2 else None

    def _on_create(self) -> None:
        name = self._proxy_log.creates[-1]
        if self._cell.request in APPROVALS and name not in self._users.decided:
            self._unapproved.append(name)
        self._add_stranger()

    def _on_operation(self, operation: str, endpoint_id: str) -> None:
        found = self._env.friendli.endpoints.get(endpoint_id)
        name = found.name if found is not None else endpoint_id
        if self._cell.request in APPROVALS and name not in self._users.agreed:
            self._unapproved.append(f"{operation} of {name}")

    def _add_stranger(self) -> None:
        """An endpoint is made elsewhere around the time of ours."""
        strangers = [one for one in self._env.friendli.endpoints.values() if one.name == "stranger"]
        if len(strangers) < _STRANGERS:
            self._env.friendli.create(project_id=PROJECT, name="stranger")

    # --- after

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
        """Nothing is under way, as of one moment."""
        lifecycles = self._lifecycles
        before = dict(lifecycles.stored)
        settled = all(lifecycles.has_settled(row) for row in before.values())
        if not settled or await self._database.unsent() != 0:
            return False
        await lifecycles.look()
        return lifecycles.stored == before

    async def _keep_alive(self) -> None:
        """Start killed replicas: at once if there is one, else once all are dead."""
        while True:
            if not any(replica.is_alive for replica in self._replicas):
                await self._router.choice(self._replicas).start()
            await asyncio.sleep(_LOOKS_EVERY)

    async def _rule_out_strangers(self) -> None:
        """Answer that candidates with other names aren't ours."""
        while True:
            for row in list(self._lifecycles.stored.values()):
                question = (
                    self._question(row.public_id) if row.state is Deployed.AMBIGUOUS else None
                )
                if question is not None:
                    self._point_slack()
                    await self._env.admin.click(question, _NONE)
            await asyncio.sleep(_LOOKS_EVERY)

    def _question(self, public_id: str) -> Message | None:
        for channel in self._channels:
            for message in reversed(channel.messages.values()):
                payload = (message.metadata or {}).get("event_payload")
                is_its = isinstance(payload, dict) and payload["deployment"] == public_id
                if is_its and _NONE in message.buttons:
                    return message
        return None

    def _point_slack(self) -> None:
        """Route Slack to a replica that can take requests."""
        able = [replica for replica in self._replicas if replica.is_responsive]
        chosen = (able or self._replicas)[0] if len(able) < 2 else self._router.choice(able)
        self._env.slack.events_url = chosen.events_url
