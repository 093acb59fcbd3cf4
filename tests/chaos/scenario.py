"""Moves endpoints along their timelines, each step only once the last one is stored.

So what a thread must contain is known exactly, whatever the fault. A user's action changes the
timeline.
"""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

from bot.domain.deployment_state import OVER, DeploymentState
from bot.domain.operations import OperationKind
from bot.domain.statuses import statuses_that
from bot.sandbox.friendli import FriendliSandbox
from bot.sandbox.friendli.server import EndpointView
from bot.sandbox.friendli.timeline import Segment
from tests.chaos.databases import BotDatabase, StoredDeployment

_LOOKS_EVERY = 0.1
_GOING_DOWN = OperationKind.TERMINATE.facts.effect

UP = (
    Segment("INITIALIZING", "DOWNLOADING_MODEL"),
    Segment("INITIALIZING", "ENGINE_INITIALIZING"),
    Segment("RUNNING"),
)
FAILING = (
    Segment("INITIALIZING", "DOWNLOADING_MODEL"),
    Segment("INITIALIZING", "ENGINE_INITIALIZING"),
    Segment("FAILED", error_code="INFERENCE_ENGINE_MEMORY_ERROR"),
)
SLEEPING = (*UP, Segment("SLEEPING"))
BORN = Segment("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE")
# What follows a user's action.
_ONWARDS: Mapping[str, Sequence[Segment]] = dict.fromkeys(
    statuses_that(lambda facts: facts.has_phases), (UP[-1],)
)


class Lifecycles:
    """Reads the bot's database, and moves endpoints on.

    Attributes:
        stored: By name, as of the last look.
        shown: What each endpoint has shown, by name, without its end.
    """

    def __init__(self, friendli: FriendliSandbox, database: BotDatabase, seed: str) -> None:
        self._friendli = friendli
        self._bot_database = database
        self._seed = seed
        self._ways: dict[str, Sequence[Segment]] = {}
        self.stored: dict[str, StoredDeployment] = {}
        self.shown: dict[str, list[Segment]] = {}

    def endpoints(self, name: str) -> list[EndpointView]:
        return [one for one in self._friendli.endpoints.values() if one.name == name]

    def lead(self, name: str, way: Sequence[Segment]) -> None:
        """Set an endpoint's timeline."""
        self._ways[name] = way

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_LOOKS_EVERY)

    async def look(self) -> None:
        database = await self._bot_database.deployments()
        if database:
            self.stored = {row.name: row for row in database}
        for row in database:
            self._move(row)

    @property
    def has_news(self) -> bool:
        """An endpoint shows what isn't stored yet."""
        return any(
            row.state is DeploymentState.LIVE
            and (found := self._friendli.endpoints.get(row.endpoint_id or "")) is not None
            and not _is(row, found.status, found.phase)
            for row in self.stored.values()
        )

    def has_settled(self, row: StoredDeployment) -> bool:
        """Only messages may be left to deliver."""
        found = self.endpoints(row.name)
        if row.state in OVER | {DeploymentState.PROPOSED, DeploymentState.AMBIGUOUS}:
            # It may still turn up late.
            return not (found and row.state is DeploymentState.NOT_CREATED)
        return (
            row.state is DeploymentState.LIVE
            and not row.waits
            and row.endpoint_id in self._friendli.endpoints
            and all(one.status not in _GOING_DOWN or one.status == "TERMINATED" for one in found)
            and _is(row, found[0].status, found[0].phase)
            and (not self._way(row.name) or found[0].status in _GOING_DOWN)
        )

    def _move(self, row: StoredDeployment) -> None:
        found = self._friendli.endpoints.get(row.endpoint_id or "")
        if row.state is not DeploymentState.LIVE or found is None or found.status in _GOING_DOWN:
            return
        shown = self.shown.setdefault(row.name, [BORN])
        if (found.status, found.phase) != (shown[-1].status, shown[-1].phase):
            # A user's action.
            shown.append(Segment(found.status, found.phase))
            self.lead(row.name, _ONWARDS.get(found.status, ()))
        way = self._way(row.name)
        if not way or not _is(row, found.status, found.phase):
            return
        self.lead(row.name, way[1:])
        shown.append(way[0])
        self._friendli.script(found.id, [way[0]])

    def _way(self, name: str) -> Sequence[Segment]:
        if name not in self._ways:
            rng = Random(f"{self._seed}/{name}")  # noqa: S311 - not a secret
            self._ways[name] = rng.choice([UP, UP, FAILING, SLEEPING])
        return self._ways[name]


def _is(row: StoredDeployment, status: str, phase: str | None) -> bool:
    return row.status == status and (phase is None or row.phase == phase)
