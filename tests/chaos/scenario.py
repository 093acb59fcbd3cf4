"""Moves endpoints through their lives, each step only once the one before is written down.

So what their threads must tell is known exactly, whatever struck meanwhile. What somebody does with
an endpoint moves it too, and it goes on from there.
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
from tests.chaos.databases import Books, Kept

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
# Where an endpoint goes on to from what somebody did with it.
_ONWARDS: Mapping[str, Sequence[Segment]] = dict.fromkeys(
    statuses_that(lambda facts: facts.has_phases), (UP[-1],)
)


class Lives:
    """Knows what the bot has written down, and moves endpoints on.

    Args:
        friendli: Where they are.
        books: The bot's database.
        seed: Draws their ways.

    Attributes:
        kept: What was written down, by name, as of the last look.
        shown: What each endpoint has shown, by name, from its first status on, but for its end.
    """

    def __init__(self, friendli: FriendliSandbox, books: Books, seed: str) -> None:
        self._friendli = friendli
        self._books = books
        self._seed = seed
        self._ways: dict[str, Sequence[Segment]] = {}
        self.kept: dict[str, Kept] = {}
        self.shown: dict[str, list[Segment]] = {}

    def endpoints(self, name: str) -> list[EndpointView]:
        """Every endpoint of a name."""
        return [one for one in self._friendli.endpoints.values() if one.name == name]

    def lead(self, name: str, way: Sequence[Segment]) -> None:
        """Lay out the way of an endpoint that will be made."""
        self._ways[name] = way

    async def run(self) -> None:
        """Look and move, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOKS_EVERY)

    async def look(self) -> None:
        """Look once, and move what may move."""
        rows = await self._books.deployments()
        if rows:
            self.kept = {row.name: row for row in rows}
        for row in rows:
            self._move(row)

    @property
    def has_news(self) -> bool:
        """Whether an endpoint shows what isn't written down yet."""
        return any(
            row.state is DeploymentState.LIVE
            and (found := self._friendli.endpoints.get(row.endpoint_id or "")) is not None
            and not _is(row, found.status, found.phase)
            for row in self.kept.values()
        )

    def has_settled(self, row: Kept) -> bool:
        """Whether nothing is left to happen to a deployment, but for its messages."""
        found = self.endpoints(row.name)
        if row.state in OVER | {DeploymentState.PROPOSED, DeploymentState.AMBIGUOUS}:
            # What turns up late is told late.
            return not (found and row.state is DeploymentState.NOT_CREATED)
        # What has vanished is told to be gone.
        return (
            row.state is DeploymentState.LIVE
            and not row.waits
            and row.endpoint_id in self._friendli.endpoints
            and all(one.status not in _GOING_DOWN or one.status == "TERMINATED" for one in found)
            and _is(row, found[0].status, found[0].phase)
            and (not self._way(row.name) or found[0].status in _GOING_DOWN)
        )

    def _move(self, row: Kept) -> None:
        found = self._friendli.endpoints.get(row.endpoint_id or "")
        if row.state is not DeploymentState.LIVE or found is None or found.status in _GOING_DOWN:
            return
        shown = self.shown.setdefault(row.name, [BORN])
        if (found.status, found.phase) != (shown[-1].status, shown[-1].phase):
            # Somebody did something with it.
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
            lots = Random(f"{self._seed}/{name}")  # noqa: S311 - not a secret
            self._ways[name] = lots.choice([UP, UP, FAILING, SLEEPING])
        return self._ways[name]


def _is(row: Kept, status: str, phase: str | None) -> bool:
    return row.status == status and (phase is None or row.phase == phase)
