"""The targets of a channel with their rules, read in batches and cached for rendering.

Every form and command reads them first. While a query runs, further requests wait for the next one,
which reads for all of them: they use one connection, and nobody gets data from before the request.

A form may be rendered from the cache, as its submission is authorized by another read. Nothing that
decides or spends uses the cache.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Target, WatchedProject
from bot.db.operation_tables import Grant
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.grants import Rules, Subject
from bot.domain.policy import Policy

# With SQLite this process makes every change, except those of a person at the database.
_KEPT_SECONDS_ALONE = 600.0
# Another replica may change it.
_KEPT_SECONDS = 5.0
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target with its rules, as people see it."""

    name: str
    is_default: bool
    team_id: str
    project_id: str
    key_last_four: str
    connected_by: str
    rules: Rules

    @property
    def policy(self) -> Policy:
        return self.rules.policy


class Targets:
    """Reads the targets of channels."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[ChannelRef, asyncio.Future[Sequence[TargetView]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._kept: dict[ChannelRef, tuple[Sequence[TargetView], float]] = {}
        self._kept_seconds = _KEPT_SECONDS_ALONE if database.is_sqlite else _KEPT_SECONDS
        self._changes = 0

    async def of(self, place: ChannelRef) -> Sequence[TargetView]:
        """The targets of a channel, the default first."""
        answer = self._waiting.get(place)
        if answer is None:
            answer = self._waiting[place] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        # A cancelled caller must not cancel the others.
        return await asyncio.shield(answer)

    async def cached(self, place: ChannelRef) -> Sequence[TargetView]:
        """The same from the cache, for rendering only; never empty.

        A change by this process is visible at once, one by another replica after up to 5 s.
        """
        targets, until = self._kept.get(place, ((), 0.0))
        return targets if time.monotonic() < until else await self.of(place)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that changes targets or their rules, and clear the cache."""
        try:
            async with self._database.write() as session:
                yield session
        finally:
            self._changes += 1
            self._kept.clear()

    async def rules(self, place: ChannelRef) -> Mapping[str, Rules]:
        return rules_of(await self.of(place))

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                changes = self._changes
                try:
                    found = await self._read(list(waiting))
                except Exception as error:  # noqa: BLE001 - every caller gets it
                    for answer in waiting.values():
                        _fail(answer, error)
                else:
                    if changes == self._changes:
                        self._keep(found)
                    for place, answer in waiting.items():
                        if not answer.done():
                            answer.set_result(found[place])
        finally:
            self._reading = None

    def _keep(self, found: Mapping[ChannelRef, Sequence[TargetView]]) -> None:
        until = time.monotonic() + self._kept_seconds
        for place, targets in found.items():
            self._kept.pop(place, None)
            self._kept[place] = (targets, until)
        while len(self._kept) > _MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))

    async def _read(self, places: Sequence[ChannelRef]) -> dict[ChannelRef, list[TargetView]]:
        keys = [(place.enterprise_id, place.workspace_id, place.channel_id) for place in places]
        found: dict[ChannelRef, list[TargetView]] = defaultdict(list)
        granted: dict[int, dict[str, list[Subject]]] = {}
        for row in await self._database.rows(_OF_PLACES, {"places": keys}):
            to_whom = granted.get(row.id)
            if to_whom is None:
                to_whom = granted[row.id] = {}
                place = ChannelRef(row.enterprise_id, row.workspace_id, row.channel_id)
                found[place].append(_view(row, to_whom))
            if row.permission is not None:
                to_whom.setdefault(row.permission, []).append(Subject(row.kind, row.subject_id))
        return found


def _view(row: Row[*tuple[Any, ...]], granted: Mapping[str, Sequence[Subject]]) -> TargetView:
    return TargetView(
        name=row.name,
        is_default=row.is_default,
        team_id=row.team_id,
        project_id=row.project_id,
        key_last_four=row.key_last_four,
        connected_by=row.connected_by,
        rules=Rules(Policy.model_validate(row.policy or {}), granted),
    )


def rules_of(targets: Sequence[TargetView]) -> Mapping[str, Rules]:
    return {target.name: target.rules for target in targets}


def _fail(answer: asyncio.Future[Sequence[TargetView]], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        # All callers may be cancelled.
        answer.exception()


_OF_PLACES = (
    select(
        Target.id,
        Target.enterprise_id,
        Target.workspace_id,
        Target.channel_id,
        Target.name,
        Target.is_default,
        WatchedProject.team_id,
        WatchedProject.project_id,
        WatchedProject.key_last_four,
        Target.connected_by,
        Target.policy,
        Grant.permission,
        Grant.kind,
        Grant.subject_id,
    )
    .join(WatchedProject, WatchedProject.id == Target.watched_project_id)
    .outerjoin(Grant, Grant.target_id == Target.id)
    .where(
        tuple_(Target.enterprise_id, Target.workspace_id, Target.channel_id).in_(
            bindparam("places", expanding=True)
        )
    )
    .order_by(Target.is_default.desc(), Target.name, Grant.id)
)
