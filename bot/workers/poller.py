"""Polls a project with one list request, and posts each change once.

An unchanged poll writes only the project's next due time, together with other projects'. A failure
to poll (a refused key, an outage) is posted once to each thread, and so is its end.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release, renew
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.errors import new_reference
from bot.domain.friendli_errors import FriendliError, MalformedCredentials, NotFound
from bot.domain.poll_failure import PollFailure, poll_failure_of
from bot.domain.process.metrics import POLLS
from bot.domain.schemas import DedicatedEndpointStatus
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.messages import replies
from bot.services.back_off import jittered
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.lookup import bind_request
from bot.workers.poll_failures import post_to_all, record_failure
from bot.workers.poll_result import PollResult
from bot.workers.snapshots import Snapshot, Snapshots, Watched, read

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# A part of the lease; the rest is for the transaction.
_LEASE_TO_POLL = 0.75


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a poll brought, and the seconds until the next one."""

    claim: Claim
    project: WatchedProject
    result: PollResult
    cadence: float
    changed: Sequence[int]


class Poller:
    """Handles one claimed project.

    `failing_at_once` limits polls of projects that failed last, so that slow failures leave room.
    """

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        key_ring: KeyRing,
        settings: Settings,
        *,
        failing_at_once: int = 50,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._key_ring = key_ring
        self._settings = settings
        self._failing_at_once = failing_at_once
        self._failing = 0
        self._snapshots = Snapshots()
        self._lease = timedelta(seconds=settings.lease)
        self._poll_seconds = settings.lease * _LEASE_TO_POLL

    async def handle(self, claim: Claim) -> timedelta | None:
        """Poll a project once; return the delay until the next poll if nothing else is written."""
        snapshot = self._snapshots.trusted(claim)
        if snapshot is None:
            async with self._database.read() as session:
                snapshot = await read(session, claim.id)
        project, watched = snapshot.project, snapshot.watched
        if not watched:
            self._snapshots.forget(claim)
            async with self._database.write() as session:
                await release(session, WatchedProject, claim, due=None, unreconciled=False)
            return None
        if not project.failures:
            return await self._handle(claim, snapshot)
        if self._failing >= self._failing_at_once:
            return jittered(self._settings.poll_seconds_transitional)
        self._failing += 1
        try:
            return await self._handle(claim, snapshot)
        finally:
            self._failing -= 1

    async def _handle(self, claim: Claim, snapshot: Snapshot) -> timedelta | None:
        project, watched = snapshot.project, snapshot.watched
        try:
            credentials = credentials_for(project, self._key_ring)
            # A poll that outlasts the lease would be cancelled and repeated unreported.
            async with asyncio.timeout(self._poll_seconds):
                result = await self._poll(credentials, project, watched)
        except (NoKeyError, MismatchedKeyError):
            # A key is only wiped once nothing is watched with it.
            await self._failed(claim, project, PollFailure.KEY_MISMATCHED)
        except (UnreadableKeyError, MalformedCredentials):
            await self._failed(claim, project, PollFailure.KEY_UNREADABLE)
        except (FriendliError, TimeoutError) as error:
            await self._failed(claim, project, poll_failure_of(error), error)
        else:
            # Without those that were missing before.
            listed = sum(one.unlisted_at is None for one in watched)
            lost = result.lists_nothing and listed > 1 and not result.statuses
            if not lost:
                POLLS.labels("ok").inc()
                return await self._compare(claim, snapshot, result)
            await self._failed(claim, project, PollFailure.PROJECT_LOST)
        return None

    async def _poll(
        self, credentials: Credentials, project: WatchedProject, watched: Sequence[Watched]
    ) -> PollResult:
        """List the project, or read each endpoint, whichever takes fewer requests."""
        if len(watched) < project.list_pages:
            statuses = {}
            for one in watched:
                status = await self._ask(credentials, one.endpoint_id)
                if status is not None:
                    statuses[one.endpoint_id] = status
            return PollResult(statuses, project.list_pages, lists_nothing=not statuses)
        listing = await self._friendli.list_all_endpoints(credentials, project.project_id)
        statuses = dict(listing.endpoints)
        for one in watched:
            if one.endpoint_id not in statuses:
                # Lists lag: an endpoint is missing only if its own status is 404 too.
                status = await self._ask(credentials, one.endpoint_id)
                if status is not None:
                    statuses[one.endpoint_id] = status
        return PollResult(statuses, listing.pages, lists_nothing=not listing.endpoints)

    async def _ask(
        self, credentials: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus | None:
        try:
            return await self._friendli.get_endpoint_status(credentials, endpoint_id)
        except NotFound:
            return None

    async def _compare(
        self, claim: Claim, snapshot: Snapshot, result: PollResult
    ) -> timedelta | None:
        project, watched = snapshot.project, snapshot.watched
        if result.pages == project.list_pages:
            cadence = self._snapshots.still(claim, result.statuses)
            if cadence is not None:
                return jittered(cadence)
        self._snapshots.forget(claim)
        # The poll may not show operations that were sent after it began.
        comparable = [one for one in watched if _precedes(one.last_operation_at, claim)]
        changed = [
            one.id for one in comparable if result.has_changed(one, claim.at, self._settings)
        ]
        cadence = result.cadence(watched, claim.at, self._settings)
        if not changed and len(comparable) == len(watched) and _is_as_before(project, result):
            if all(one.endpoint_id in result.statuses for one in watched):
                self._snapshots.remember(claim, snapshot, result.statuses, cadence)
            return jittered(cadence)
        changes = _Changes(claim, project, result, cadence, changed)
        try:
            if not await self._write(changes):
                return None
        except (SQLAlchemyError, OSError, TimeoutError):
            raise
        except Exception:  # one deployment's defect must not affect the others
            log.exception("can't post all changes", row=claim.id, reference=new_reference())
            await self._write_one_by_one(changes)
        return None

    async def _write(self, changes: "_Changes") -> bool:
        """Release the project and post the changes; False if the claim was lost."""
        async with self._database.write() as session:
            if not await release(
                session,
                WatchedProject,
                changes.claim,
                due=jittered(changes.cadence),
                list_pages=changes.result.pages,
                failures=0,
                failing_since=None,
                reported_failure=None,
                unreconciled=False,
            ):
                return False
            if changes.project.reported_failure is not None:
                await post_to_all(session, self._settings, changes.claim, replies.watching_again())
            for id_ in changes.changed:
                await self._apply(session, changes, id_)
        return True

    async def _write_one_by_one(self, changes: "_Changes") -> None:
        for id_ in changes.changed:
            try:
                async with self._database.write() as session:
                    if not await renew(session, WatchedProject, changes.claim, lease=self._lease):
                        return
                    await self._apply(session, changes, id_)
            except (SQLAlchemyError, OSError, TimeoutError):
                raise
            except Exception:  # as above
                log.exception("can't post changes", deployment=id_, reference=new_reference())
        await self._write(replace(changes, changed=(), cadence=self._settings.poll_seconds_stable))

    async def _apply(self, session: AsyncSession, changes: "_Changes", id_: int) -> None:
        deployment = await session.get_one(Deployment, id_, with_for_update={"key_share": True})
        # It may have ended, or moved to another key, since it was read.
        if (
            deployment.state == DeploymentState.LIVE
            and deployment.watched_project_id == changes.claim.id
            and _precedes(deployment.last_operation_at, changes.claim)
        ):
            await bind_request(session, deployment)
            await changes.result.apply(session, deployment, changes.claim.at, self._settings)

    async def _failed(
        self,
        claim: Claim,
        project: WatchedProject,
        failure: PollFailure,
        error: FriendliError | TimeoutError | None = None,
    ) -> None:
        POLLS.labels(failure).inc()
        self._snapshots.forget(claim)
        await record_failure(self._database, self._settings, claim, project, failure, error)


def _precedes(last_operation_at: datetime | None, claim: Claim) -> bool:
    """Whether a list requested under this claim shows our last operation."""
    return last_operation_at is None or last_operation_at < claim.at


def _is_as_before(project: WatchedProject, result: PollResult) -> bool:
    """Whether the project's row already has what the poll returned about the project."""
    return (
        project.reported_failure is None
        and project.failures == 0
        and project.list_pages == result.pages
        and not project.unreconciled
    )
