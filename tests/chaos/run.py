"""One run: a world, bots in it, people who click, something that strikes, and what is left."""

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
from tests.chaos.approvals import ALL_ACTS
from tests.chaos.bots import Replica
from tests.chaos.cells import APPROVALS, Cell, Fault, RequestKind
from tests.chaos.checks import Evidence, violations
from tests.chaos.clicks import Crowd, OperationView
from tests.chaos.connecting import connect
from tests.chaos.databases import Books, Engine
from tests.chaos.fault_injection import Strikes
from tests.chaos.fault_proxy import Gate, Passages
from tests.chaos.operations import ANYTHING, STOP
from tests.chaos.scenario import Lives
from tests.chaos.setup import Outcome, Setup
from tests.chaos.timeouts import DURATIONS, LIMITS, SPEED, WAITS
from tests.databases import MEMORY

_STRIKES_WITHIN = 20.0
# Deployments that are asked for beyond those of the start, until something strikes.
_ASKS_MORE = 2
_SETTLES_WITHIN = 60.0
_STEADY_FOR = 3
_STRANGERS = 4
_EMPTY = 0.1
# With the others a person has to say which endpoint it is.
_VARIANTS = [
    name
    for name, one in RESPONSE_VARIANTS.items()
    if one.is_recognizable and not one.needs_its_answer
]
_LOOKS_EVERY = 0.1
_NONE = "None of these"


async def run(cell: Cell, engine: Engine, seed: int, setup: Setup) -> Outcome:
    """Run one seed of a cell."""
    # Some begin with nothing, as a bot does that has just been installed.
    empty = Random(f"database of {cell.name}/{engine}/{seed}").random() < _EMPTY  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="chaos", dir=MEMORY) as name:
        folder = Path(name)
        async with (
            setup.databases.books(engine, folder, empty=empty) as rows,
            open_environment(rows.url, speed=SPEED, durations=DURATIONS, limits=LIMITS) as env,
            _Scene.open(env, rows, cell, engine, seed, setup, folder) as scene,
        ):
            broken = await scene.play()
            report = scene.report() if broken else ""
            return Outcome(cell, engine, seed, scene.has_struck, broken, report)


class _Scene:
    """A run under way."""

    def __init__(
        self, env: Environment, rows: Books, cell: Cell, engine: Engine, seed: int
    ) -> None:
        self._env = env
        self._rows = rows
        self._cell = cell
        name = f"{cell.name}/{engine}/{seed}"
        self._lots = Random(name)  # noqa: S311 - not a secret
        self._front = Random(f"front of {name}")  # noqa: S311 - as above
        self._variant = Random(f"wording of {name}").choice(_VARIANTS)  # noqa: S311 - as above
        env.friendli.variant = RESPONSE_VARIANTS[self._variant]
        self._passages = Passages()
        self._gates: list[Gate] = []
        self._replicas: list[Replica] = []
        self._channels = [env.channel]
        self._lives = Lives(env.friendli, rows, name)
        self._crowd = Crowd(
            env,
            self._channels,
            Random(f"people of {name}"),  # noqa: S311 - as above
            front=self._point_slack,
            lives=self._lives,
            creates=self._passages.creates,
            fall_due=rows.fall_due,
        )
        self._unapproved: list[str] = []
        self._strikes = Strikes(
            cell,
            Random(f"strikes of {name}"),  # noqa: S311 - as above
            env=env,
            rows=rows,
            gates=self._gates,
            replicas=self._replicas,
            passages=self._passages,
            crowd=self._crowd,
            lives=self._lives,
        )

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        env: Environment,
        rows: Books,
        cell: Cell,
        engine: Engine,
        seed: int,
        setup: Setup,
        folder: Path,
    ) -> AsyncIterator["_Scene"]:
        """Start the bots and connect the channels."""
        scene = cls(env, rows, cell, engine, seed)
        async with AsyncExitStack() as stack:
            for number in range(engine.replicas):
                gate = await stack.enter_async_context(
                    Gate(
                        number,
                        slack=env.slack.url,
                        friendli=env.friendli.url,
                        passages=scene._passages,
                    )
                )
                settings = env.settings(
                    **WAITS,
                    slack_api_url=f"{gate.url('slack')}/api/",
                    friendli_api_url=gate.url("friendli"),
                    data_dir=folder,
                )
                variables = {**environment(settings), "PYTHONPATH": setup.path(cell)}
                fork = partial(setup.nurseries.fork, setup.path(cell))
                replica = Replica(f"bot-{number}", variables, folder, fork)
                scene._gates.append(gate)
                scene._replicas.append(replica)
                stack.push_async_callback(replica.end)
            await asyncio.gather(*(replica.start() for replica in scene._replicas))
            await scene._connect()
            yield scene

    async def play(self) -> list[str]:
        """Act, strike, let everything settle, and look."""
        always = (self._lives.run(), self._keep_alive(), self._rule_out_strangers())
        tasks = [asyncio.create_task(one) for one in always]
        try:
            await self._act()
            problem = await self._settle()
            found = violations(
                Evidence(
                    env=self._env,
                    channels=self._channels,
                    deploys=self._crowd.deploys,
                    wishes=self._crowd.wishes,
                    creates=Counter(self._passages.creates)
                    - Counter(self._passages.limited_creates),
                    updates=self._passages.updates,
                    unknown=self._passages.unknown,
                    unapproved=self._unapproved,
                    lives=self._lives,
                    repeats_allowed=self._cell.fault is Fault.UNREADABLE,
                )
            )
            return [*problem, *found]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, self._strikes.give_up(), return_exceptions=True)

    @property
    def has_struck(self) -> bool:
        """Whether the fault came to strike."""
        return self._strikes.has_struck

    def report(self) -> str:
        """Everything there is, for whoever looks for the cause."""
        parts = [f"worded as {self._variant}", self._env.slack.summary()]
        parts += [
            f"{one.id} {one.name} {one.status} {one.phase or ''}"
            for one in self._env.friendli.endpoints.values()
        ]
        parts += [str(row) for row in self._lives.kept.values()]
        parts += [f"--- {one.name}, killed {one.deaths}×\n{one.tail(40)}" for one in self._replicas]
        return "\n".join(parts)

    # --- before

    async def _connect(self) -> None:
        lots = self._lots
        if lots.random() < 0.4:
            people = [self._env.admin.user, self._env.member.user]
            self._channels.append(self._env.slack.add_channel("ml-more", members=people))
        for channel in self._channels:
            self._point_slack()
            await connect(self._env, channel)
        if self._cell.request in APPROVALS:
            await self._rows.require_approval()
            # Whoever asks may not decide: neither the member nor the first admin, at times.
            for name in ("second", "third"):
                other = self._env.slack.add_user(name, is_admin=True)
                self._crowd.admins.append(self._env.slack.act_as(other))
                for channel in self._channels:
                    channel.member_ids.append(other.id)

    # --- during

    async def _act(self) -> None:
        lots, cell = self._lots, self._cell
        self._passages.on_create = self._on_create
        self._passages.on_operation = self._on_operation
        self._passages.on_created = self._add_stranger
        count = lots.choice([1, 2, 2, 3])
        acts = [self._drawn_act(is_first=index == 0) for index in range(count)]
        people = [asyncio.create_task(self._crowd.ask(act)) for act in acts]
        striking = asyncio.ensure_future(self._strikes.arm())

        async def pass_over() -> None:
            while True:
                await asyncio.wait(people)
                if cell.request is RequestKind.ANY:
                    await asyncio.shield(striking)
                await self._become_calm()
                if self.has_struck or len(people) == count + _ASKS_MORE:
                    # What needs a message that is lost, for one, may never come.
                    return
                people.append(asyncio.create_task(self._crowd.ask(ALL_ACTS.get(cell.request))))

        passing = asyncio.create_task(pass_over())
        await asyncio.wait(
            [striking, passing], timeout=_STRIKES_WITHIN, return_when=asyncio.FIRST_COMPLETED
        )
        passing.cancel()
        striking.cancel()
        await self._strikes.end()
        await asyncio.gather(*people)

    def _drawn_act(self, *, is_first: bool) -> OperationView | None:
        """What is done with an endpoint that is asked for, besides what the cell is about."""
        lots, act = self._lots, ALL_ACTS.get(self._cell.request)
        if act is not None and (is_first or self._cell.request in APPROVALS):
            return act
        if self._cell.request in (RequestKind.ANY, RequestKind.CLICK) and lots.random() < 0.5:
            return lots.choice(ANYTHING)
        return STOP if lots.random() < 0.2 else None

    def _on_create(self) -> None:
        name = self._passages.creates[-1]
        if self._cell.request in APPROVALS and name not in self._crowd.decided:
            self._unapproved.append(name)
        self._add_stranger()

    def _on_operation(self, operation: str, endpoint_id: str) -> None:
        found = self._env.friendli.endpoints.get(endpoint_id)
        name = found.name if found is not None else endpoint_id
        if self._cell.request in APPROVALS and name not in self._crowd.agreed:
            self._unapproved.append(f"{operation} of {name}")

    def _add_stranger(self) -> None:
        """Somebody makes an endpoint in Friendli Suite just before, or after, one of ours."""
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
                await self._front.choice(self._replicas).start()
            await asyncio.sleep(_LOOKS_EVERY)

    async def _rule_out_strangers(self) -> None:
        """Answer each question whether an endpoint is ours: those with our name aren't asked of."""
        while True:
            for row in list(self._lives.kept.values()):
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
                if is_its and message.is_reply and _NONE in message.buttons:
                    return message
        return None

    def _point_slack(self) -> None:
        """Let Slack send what people do to a replica that can take it, if there is one."""
        able = [replica for replica in self._replicas if replica.is_responsive]
        chosen = (able or self._replicas)[0] if len(able) < 2 else self._front.choice(able)
        self._env.slack.events_url = chosen.events_url
