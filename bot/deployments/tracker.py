"""Watches the endpoints of a project with one list request, and tells each change once.

An unchanged poll writes nothing but the project's next due time. Whatever stands in the way of
watching (a refused key, an outage) is told to each thread once, and so is its end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.claims import Claim, finish
from bot.db.clock import now
from bot.db.crypto import UnreadableKeyError, Vault
from bot.db.models import Deployment, Step, WatchedProject
from bot.db.session import Database
from bot.deployments.credentials import NoKeyError, access_to
from bot.deployments.pace import back_off, jittered
from bot.deployments.record import facts_of, record, state_of, tell
from bot.deployments.states import ENDED, MOVING, State, Told, observe
from bot.friendli.access import Access
from bot.friendli.client import FriendliClient
from bot.friendli.errors import FriendliError, MalformedAccess, NotFound, Unauthorized
from bot.friendli.schemas import DedicatedEndpointStatus, InferenceDeploymentStatus
from bot.messages import replies
from bot.messages.reply import Reply

log = logs.get(__name__)


class Obstacle(StrEnum):
    """What stands in the way of watching a project."""

    OUTAGE = "outage"
    KEY_REFUSED = "key_refused"
    KEY_UNREADABLE = "key_unreadable"
    PROJECT_LOST = "project_lost"


@dataclass(frozen=True, slots=True)
class Watched:
    """A deployment as it was before the poll, without the parts that a poll doesn't need."""

    id: int
    endpoint_id: str
    status: str | None
    phase: str | None
    error_code: str | None
    acted_at: datetime | None
    missing_since: datetime | None
    unknown_since: datetime | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one poll showed.

    Attributes:
        statuses: By endpoint id; one that is missing here answered 404 itself, too.
        pages: Requests that a complete list takes.
        lists_nothing: A complete list was empty.
    """

    statuses: Mapping[str, DedicatedEndpointStatus]
    pages: int
    lists_nothing: bool


class Tracker:
    """Handles one claimed project: polls it, tells what changed, and puts it back."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        vault: Vault,
        settings: Settings,
        *,
        nudge_sender: Callable[[], None],
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._vault = vault
        self._settings = settings
        self._nudge_sender = nudge_sender

    async def handle(self, held: Claim) -> None:
        """Poll a project once."""
        async with self._database.read() as session:
            started: datetime = (await session.execute(select(now()))).scalar_one()
            project = await session.get_one(WatchedProject, held.id)
            watched = await _watched(session, held.id)
        if not watched or project.key_ciphertext is None:
            async with self._database.write() as session:
                await finish(session, WatchedProject, held, due=None)
            return
        try:
            access = access_to(project, self._vault)
            seen = await self._poll(access, project, watched)
        except (NoKeyError, UnreadableKeyError, MalformedAccess):
            await self._obstructed(held, project, Obstacle.KEY_UNREADABLE, None)
        except Unauthorized as error:
            await self._obstructed(held, project, Obstacle.KEY_REFUSED, error)
        except NotFound as error:
            await self._obstructed(held, project, Obstacle.PROJECT_LOST, error)
        except FriendliError as error:
            await self._obstructed(held, project, Obstacle.OUTAGE, error)
        else:
            lost = seen.lists_nothing and len(watched) > 1 and not seen.statuses
            if lost:
                await self._obstructed(held, project, Obstacle.PROJECT_LOST, None)
            else:
                await self._compare(held, project, watched, seen, started)

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
            return Seen(statuses, project.list_pages, lists_nothing=False)
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

    async def _compare(
        self,
        held: Claim,
        project: WatchedProject,
        watched: Sequence[Watched],
        seen: Seen,
        started: datetime,
    ) -> None:
        # What we did to an endpoint after the poll began, the poll may not show yet.
        telling = [one for one in watched if one.acted_at is None or one.acted_at < started]
        changed = [one.id for one in telling if self._is_news(one, seen, started)]
        statuses = [
            str(seen.statuses[one.endpoint_id].status)
            for one in watched
            if one.endpoint_id in seen.statuses
        ]
        due = jittered(self._cadence(watched, seen, statuses))
        async with self._database.write() as session:
            if not await finish(
                session,
                WatchedProject,
                held,
                due=due,
                list_pages=seen.pages,
                failures=0,
                failing_since=None,
                told=None,
            ):
                return
            if project.told is not None:
                await self._tell_all(session, held, replies.watching_again())
            for id_ in changed:
                deployment = await session.get_one(Deployment, id_)
                if deployment.step == Step.LIVE:
                    await self._change(session, deployment, seen, started)
        if changed or project.told is not None:
            self._nudge_sender()

    def _is_news(self, one: Watched, seen: Seen, started: datetime) -> bool:
        status = seen.statuses.get(one.endpoint_id)
        if status is None:
            return one.missing_since is None or self._is_over(one.missing_since, started)
        return (
            one.missing_since is not None
            or one.status is None
            or _differs(one, status)
            or one.unknown_since is not None
        )

    def _is_over(self, missing_since: datetime, started: datetime) -> bool:
        return (started - missing_since).total_seconds() >= self._settings.gone_confirmed_after

    async def _change(
        self, session: AsyncSession, deployment: Deployment, seen: Seen, started: datetime
    ) -> None:
        status = seen.statuses.get(deployment.endpoint_id or "")
        if status is None:
            if deployment.missing_since is None:
                deployment.missing_since = started
            elif self._is_over(deployment.missing_since, started):
                deployment.step = Step.ENDED
                await session.flush()
                facts = await facts_of(session, deployment, self._settings)
                await tell(session, deployment, facts, replies.gone())
            return
        deployment.missing_since = None
        lasts = False
        if status.status == InferenceDeploymentStatus.UNKNOWN:
            since = deployment.unknown_since or started
            deployment.unknown_since = since
            lasts = (started - since).total_seconds() >= self._settings.unknown_told_after
        else:
            deployment.unknown_since = None
        state = observe(state_of(deployment), status, unknown_lasts=lasts)
        if state is not None:
            at = status.updated_at or status.created_at
            await record(session, deployment, self._settings, Told(state, started, at))

    def _cadence(self, watched: Sequence[Watched], seen: Seen, statuses: Sequence[str]) -> float:
        settings = self._settings
        missing = len(watched) - sum(one.endpoint_id in seen.statuses for one in watched)
        unknown = InferenceDeploymentStatus.UNKNOWN.value
        if any(status in MOVING or status == unknown for status in statuses):
            return settings.poll_seconds_moving
        if missing:
            return min(settings.gone_confirmed_after, settings.poll_seconds_steady)
        if statuses and all(status in ENDED for status in statuses):
            return settings.poll_seconds_ended
        return settings.poll_seconds_steady

    async def _obstructed(
        self,
        held: Claim,
        project: WatchedProject,
        obstacle: Obstacle,
        error: FriendliError | None,
    ) -> None:
        """The project can't be watched now: tell it once, and come back later."""
        log.warning("can't watch a project", row=held.id, obstacle=obstacle, error=str(error or ""))
        settings = self._settings
        async with self._database.write() as session:
            present: datetime = (await session.execute(select(now()))).scalar_one()
            since = project.failing_since or present
            failing = (present - since).total_seconds()
            # A passing outage isn't worth a message; a refused key is, at once.
            tell_now = project.told is None and (
                obstacle is not Obstacle.OUTAGE or failing >= settings.outage_told_after
            )
            due = (
                back_off(project.failures, settings, error)
                if obstacle is Obstacle.OUTAGE
                else jittered(settings.poll_seconds_steady)
            )
            if not await finish(
                session,
                WatchedProject,
                held,
                due=due,
                failures=project.failures + 1,
                failing_since=since,
                told=obstacle if tell_now else project.told,
            ):
                return
            if tell_now:
                await self._tell_all(session, held, _told(obstacle, failing))
        if tell_now:
            self._nudge_sender()

    async def _tell_all(self, session: AsyncSession, held: Claim, said: Reply) -> None:
        deployments = await session.scalars(
            select(Deployment).where(
                Deployment.watched_project_id == held.id, Deployment.step == Step.LIVE
            )
        )
        for deployment in deployments:
            facts = await facts_of(session, deployment, self._settings)
            await tell(session, deployment, facts, said)


def _told(obstacle: Obstacle, failing: float) -> Reply:
    match obstacle:
        case Obstacle.OUTAGE:
            return replies.outage(failing)
        case Obstacle.KEY_REFUSED:
            return replies.key_refused()
        case Obstacle.KEY_UNREADABLE:
            return replies.key_unreadable()
        case Obstacle.PROJECT_LOST:
            return replies.project_lost()


def _differs(one: Watched, status: DedicatedEndpointStatus) -> bool:
    before = State(one.status, one.phase, one.error_code) if one.status is not None else None
    return observe(before, status) is not None or status.status == InferenceDeploymentStatus.UNKNOWN


async def _watched(session: AsyncSession, project: int) -> list[Watched]:
    rows = await session.execute(
        select(
            Deployment.id,
            Deployment.endpoint_id,
            Deployment.status,
            Deployment.phase,
            Deployment.error_code,
            Deployment.acted_at,
            Deployment.missing_since,
            Deployment.unknown_since,
        ).where(Deployment.watched_project_id == project, Deployment.step == Step.LIVE)
    )
    return [
        Watched(id_, endpoint, status, phase, code, acted, missing, unknown)
        for id_, endpoint, status, phase, code, acted, missing, unknown in rows
        if endpoint is not None
    ]
