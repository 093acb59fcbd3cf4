"""Watches the endpoints of a project with one list request, and tells each change once.

An unchanged poll writes nothing but the project's next due time, together with other projects'.
Whatever stands in the way of watching (a refused key, an outage) is told to each thread once, and
so is its end.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.claims import Claim, finish, keep
from bot.db.crypto import MismatchedKeyError, UnreadableKeyError, Vault
from bot.db.models import Deployment, Step, WatchedProject
from bot.db.session import Database
from bot.deployments.lookup import bind_request
from bot.deployments.nudges import Nudges
from bot.deployments.pace import jittered
from bot.deployments.record import record, state_of
from bot.deployments.targets.credentials import NoKeyError, access_to
from bot.deployments.watching import unlisted
from bot.deployments.watching.obstacle import Obstacle, obstacle_of
from bot.deployments.watching.obstacles import obstructed, tell_all
from bot.deployments.watching.snapshots import Snapshot, Snapshots, Watched, read
from bot.deployments.watching.states import ENDED, MOVING, State, Told, observe
from bot.errors import new_reference
from bot.friendli.access import Access
from bot.friendli.client import FriendliClient
from bot.friendli.errors import FriendliError, MalformedAccess, NotFound
from bot.friendli.schemas import DedicatedEndpointStatus, InferenceDeploymentStatus
from bot.messages import replies
from bot.metrics import POLLS

log = logs.get(__name__)

# A part of the lease; the rest is for writing down what came of it.
_LEASE_TO_POLL = 0.75


@dataclass(frozen=True, slots=True)
class Seen:
    """What one poll showed.

    Attributes:
        statuses: By endpoint id; one that is missing here answered 404 itself, too.
        pages: Requests that a complete list takes.
        lists_nothing: A complete list was empty, or each endpoint answered 404.
    """

    statuses: Mapping[str, DedicatedEndpointStatus]
    pages: int
    lists_nothing: bool


@dataclass(frozen=True, slots=True)
class _News:
    """What a poll brought, to be written.

    Attributes:
        cadence: Seconds until the next poll.
        changed: Deployments that may have something to tell.
    """

    held: Claim
    project: WatchedProject
    seen: Seen
    cadence: float
    changed: Sequence[int]


class Tracker:
    """Handles one claimed project: polls it, tells what changed, and puts it back.

    Args:
        failing_at_once: The most projects polled at a time whose last poll failed: they may take
            long to fail again, and must leave room for those that answer.
    """

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        vault: Vault,
        settings: Settings,
        nudges: Nudges,
        *,
        failing_at_once: int = 50,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._vault = vault
        self._settings = settings
        self._nudges = nudges
        self._failing_at_once = failing_at_once
        self._failing = 0
        self._snapshots = Snapshots()
        self._lease = timedelta(seconds=settings.lease)
        self._patience = settings.lease * _LEASE_TO_POLL

    async def handle(self, held: Claim) -> timedelta | None:
        """Poll a project once.

        Returns:
            When it is due again, if there is nothing else to write; None if it was put back.
        """
        snapshot = self._snapshots.trusted(held)
        if snapshot is None:
            async with self._database.read() as session:
                snapshot = await read(session, held.id)
        project, watched = snapshot.project, snapshot.watched
        if not watched:
            self._snapshots.forget(held)
            async with self._database.write() as session:
                await finish(session, WatchedProject, held, due=None, unreconciled=False)
            return None
        if not project.failures:
            return await self._handle(held, snapshot)
        if self._failing >= self._failing_at_once:
            return jittered(self._settings.poll_seconds_moving)
        self._failing += 1
        try:
            return await self._handle(held, snapshot)
        finally:
            self._failing -= 1

    async def _handle(self, held: Claim, snapshot: Snapshot) -> timedelta | None:
        project, watched = snapshot.project, snapshot.watched
        try:
            access = access_to(project, self._vault)
            # A poll that outlasts the lease would be cut off without a word, and begin again.
            async with asyncio.timeout(self._patience):
                seen = await self._poll(access, project, watched)
        except (NoKeyError, MismatchedKeyError):
            # Disconnecting wipes a key only once nothing is watched with it any more.
            await self._obstructed(held, project, Obstacle.KEY_MISMATCHED)
        except (UnreadableKeyError, MalformedAccess):
            await self._obstructed(held, project, Obstacle.KEY_UNREADABLE)
        except (FriendliError, TimeoutError) as error:
            await self._obstructed(held, project, obstacle_of(error), error)
        else:
            # Of those that weren't missing before.
            listed = sum(one.unlisted_at is None for one in watched)
            lost = seen.lists_nothing and listed > 1 and not seen.statuses
            if not lost:
                POLLS.labels("ok").inc()
                return await self._compare(held, snapshot, seen)
            await self._obstructed(held, project, Obstacle.PROJECT_LOST)
        return None

    async def _poll(
        self, access: Access, project: WatchedProject, watched: Sequence[Watched]
    ) -> Seen:
        """Ask with whichever takes fewer requests: the list, or each endpoint."""
        if len(watched) < project.list_pages:
            statuses = {}
            for one in watched:
                status = await self._ask(access, one.endpoint_id)
                if status is not None:
                    statuses[one.endpoint_id] = status
            return Seen(statuses, project.list_pages, lists_nothing=not statuses)
        listing = await self._friendli.list_all_endpoints(access, project.project_id)
        statuses = dict(listing.endpoints)
        for one in watched:
            if one.endpoint_id not in statuses:
                # Lists lag: an endpoint is only missing if it doesn't answer for itself either.
                status = await self._ask(access, one.endpoint_id)
                if status is not None:
                    statuses[one.endpoint_id] = status
        return Seen(statuses, listing.pages, lists_nothing=not listing.endpoints)

    async def _ask(self, access: Access, endpoint_id: str) -> DedicatedEndpointStatus | None:
        try:
            return await self._friendli.get_endpoint_status(access, endpoint_id)
        except NotFound:
            return None

    async def _compare(self, held: Claim, snapshot: Snapshot, seen: Seen) -> timedelta | None:
        project, watched = snapshot.project, snapshot.watched
        if seen.pages == project.list_pages:
            cadence = self._snapshots.still(held, seen.statuses)
            if cadence is not None:
                return jittered(cadence)
        self._snapshots.forget(held)
        # What we did to an endpoint after the poll began, the poll may not show yet.
        telling = [one for one in watched if _precedes(one.acted_at, held)]
        changed = [one.id for one in telling if self._is_news(one, seen, held.at)]
        cadence = self._cadence(watched, seen, held.at)
        if not changed and len(telling) == len(watched) and _is_as_before(project, seen):
            if all(one.endpoint_id in seen.statuses for one in watched):
                self._snapshots.remember(held, snapshot, seen.statuses, cadence)
            return jittered(cadence)
        news = _News(held, project, seen, cadence, changed)
        try:
            if not await self._write(news):
                return None
        except (SQLAlchemyError, OSError, TimeoutError):
            raise
        except Exception:  # one deployment's defect must not silence its neighbours
            log.exception("can't tell all news", row=held.id, reference=new_reference())
            await self._write_one_by_one(news)
        if changed or project.told is not None:
            self._nudges.sender()
        return None

    async def _write(self, news: "_News") -> bool:
        """Put the project back and tell what is new, in one transaction.

        Returns:
            Whether the claim still held.
        """
        async with self._database.write() as session:
            if not await finish(
                session,
                WatchedProject,
                news.held,
                due=jittered(news.cadence),
                list_pages=news.seen.pages,
                failures=0,
                failing_since=None,
                told=None,
                unreconciled=False,
            ):
                return False
            if news.project.told is not None:
                await tell_all(
                    session, self._settings, news.held, lambda _: replies.watching_again()
                )
            for id_ in news.changed:
                await self._tell(session, news, id_)
        return True

    async def _write_one_by_one(self, news: "_News") -> None:
        for id_ in news.changed:
            try:
                async with self._database.write() as session:
                    if not await keep(session, WatchedProject, news.held, lease=self._lease):
                        return
                    await self._tell(session, news, id_)
            except (SQLAlchemyError, OSError, TimeoutError):
                raise
            except Exception:  # see above
                log.exception("can't tell", deployment=id_, reference=new_reference())
        await self._write(replace(news, changed=(), cadence=self._settings.poll_seconds_steady))

    async def _tell(self, session: AsyncSession, news: "_News", id_: int) -> None:
        deployment = await session.get_one(Deployment, id_, with_for_update={"key_share": True})
        # It may have been stopped, or moved to another key, since we read it.
        if (
            deployment.step == Step.LIVE
            and deployment.watched_project_id == news.held.id
            and _precedes(deployment.acted_at, news.held)
        ):
            await bind_request(session, deployment)
            await self._change(session, deployment, news.seen, news.held.at)

    def _is_news(self, one: Watched, seen: Seen, started: datetime) -> bool:
        status = seen.statuses.get(one.endpoint_id)
        if status is None:
            return unlisted.has_news(one, started, self._settings)
        return (
            one.missing_since is not None
            or one.status is None
            or _differs(one, status)
            or one.unknown_since is not None
        )

    async def _change(
        self, session: AsyncSession, deployment: Deployment, seen: Seen, started: datetime
    ) -> None:
        status = seen.statuses.get(deployment.endpoint_id or "")
        if status is None:
            await unlisted.not_shown(session, deployment, started, self._settings)
            return
        await unlisted.shown_again(session, deployment, self._settings)
        lasts = False
        if status.status == InferenceDeploymentStatus.UNKNOWN:
            since = deployment.unknown_since or started
            deployment.unknown_since = since
            lasts = (started - since).total_seconds() >= self._settings.unknown_told_after
        else:
            deployment.unknown_since = None
        state = observe(state_of(deployment), status, unknown_lasts=lasts)
        if state is not None:
            await record(
                session, deployment, self._settings, Told(state, started, status.changed_at)
            )

    def _cadence(self, watched: Sequence[Watched], seen: Seen, started: datetime) -> float:
        settings = self._settings
        statuses = {
            str(seen.statuses[one.endpoint_id].status)
            for one in watched
            if one.endpoint_id in seen.statuses
        }
        missing = [
            unlisted.pause(one, started, settings)
            for one in watched
            if one.endpoint_id not in seen.statuses
        ]
        if statuses & (MOVING | {InferenceDeploymentStatus.UNKNOWN.value}):
            return settings.poll_seconds_moving
        shown = settings.poll_seconds_ended if statuses <= ENDED else settings.poll_seconds_steady
        return min([*missing, *([shown] if statuses else [])])

    async def _obstructed(
        self,
        held: Claim,
        project: WatchedProject,
        obstacle: Obstacle,
        error: FriendliError | TimeoutError | None = None,
    ) -> None:
        """The project can't be watched now: tell it once, and come back later."""
        POLLS.labels(obstacle).inc()
        self._snapshots.forget(held)
        if await obstructed(self._database, self._settings, held, project, obstacle, error):
            self._nudges.sender()


def _precedes(acted_at: datetime | None, held: Claim) -> bool:
    """Whether a list that was asked for under this claim shows what our last action did."""
    return acted_at is None or acted_at < held.at


def _is_as_before(project: WatchedProject, seen: Seen) -> bool:
    """Whether the project's row says already what the poll showed of the project itself."""
    return (
        project.told is None
        and project.failures == 0
        and project.list_pages == seen.pages
        and not project.unreconciled
    )


def _differs(one: Watched, status: DedicatedEndpointStatus) -> bool:
    before = State(one.status, one.phase, one.error_code) if one.status is not None else None
    return observe(before, status) is not None or status.status == InferenceDeploymentStatus.UNKNOWN
