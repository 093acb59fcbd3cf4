"""Finds the endpoint that a create request made, or concludes that it made none.

`bot.domain.matching` decides which new endpoints may be ours. "Not created" needs several complete
lists, over enough time in which the API worked, without an unexplained new endpoint; after that the
search goes on for a while, in case the endpoint appears late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.friendli_errors import FriendliError, MalformedCredentials
from bot.domain.matching import Candidate
from bot.domain.poll_failure import PollFailure, poll_failure_of
from bot.friendli.client import FriendliClient
from bot.messages import replies, search_replies
from bot.messages.match_candidates import note
from bot.services.back_off import back_off, jittered
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.thread import AnyReply, post
from bot.workers.adoption import Adoption
from bot.workers.search import Found, Search

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_PASSES_TO_BE_SURE = 3
# A longer gap between two searches means that the bot was down.
_LONGEST_GAP = 120.0
_NOW = timedelta(0)


@dataclass(frozen=True, slots=True)
class Progress:
    """Complete searches without a result, and the time they span."""

    passes: int
    seconds: float
    at: datetime

    @property
    def values(self) -> dict[str, object]:
        return {
            "empty_passes": self.passes,
            "empty_seconds": self.seconds,
            "empty_at": self.at,
            "attempts": 0,
            "search_failing_since": None,
            "search_reported": None,
        }


class Reconciler:
    """Searches for the endpoints of claimed deployments."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        key_ring: KeyRing,
        settings: Settings,
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._settings = settings
        self._adoption = Adoption(database, settings)
        self._search = Search(database, friendli, settings)

    async def search(self, claim: Claim, deployment: Deployment, project: WatchedProject) -> None:
        """Search the project once."""
        try:
            credentials = credentials_for(project, self._key_ring)
        except NoKeyError:
            await self._unwatch(claim)
            return
        except MismatchedKeyError:
            await self._search_failed(claim, deployment, PollFailure.KEY_MISMATCHED)
            return
        except (UnreadableKeyError, MalformedCredentials):
            # A key that is connected again makes the row due.
            await self._search_failed(claim, deployment, PollFailure.KEY_UNREADABLE)
            return
        try:
            found = await self._search.run(deployment, project, credentials)
        except (FriendliError, TimeoutError) as error:
            await self._search_failed(claim, deployment, poll_failure_of(error), error)
            return
        match found.match.ours, found.match.twins:
            case Candidate() as ours, _:
                await self._adoption.adopt(claim, deployment, found.listed[ours.endpoint_id], ours)
            case _, []:
                await self._not_found(claim, deployment, found)
            case _, twins:
                await self._ask(claim, deployment, twins, is_named=True)

    async def _search_failed(
        self,
        claim: Claim,
        deployment: Deployment,
        failure: PollFailure,
        error: FriendliError | TimeoutError | None = None,
    ) -> None:
        """The search failed: this time doesn't count.

        It is posted once the failure lasts, unless "not created" was posted before.
        """
        async with self._database.write() as session:
            present = (await session.execute(select(now()))).scalar_one()
            since = deployment.search_failing_since or present
            failing = (present - since).total_seconds()
            is_new = (
                deployment.search_reported is None
                and deployment.state is not DeploymentState.NOT_CREATED
                and failing >= self._settings.outage_notify_after
            )
            if not await release(
                session,
                Deployment,
                claim,
                due=back_off(deployment.attempts, self._settings, error),
                attempts=deployment.attempts + 1,
                empty_at=None,
                search_failing_since=since,
                search_reported=failure if is_new else deployment.search_reported,
            ):
                return
            if is_new:
                await self._post(session, claim, search_replies.cant_search(failure, failing))

    async def _unwatch(self, claim: Claim) -> None:
        """The target was disconnected before the endpoint was found."""
        async with self._database.write() as session:
            if await release(session, Deployment, claim, due=None, state=DeploymentState.UNWATCHED):
                await self._post(session, claim, replies.disconnected_unfound())

    async def _not_found(self, claim: Claim, deployment: Deployment, found: Found) -> None:
        async with self._database.read() as session:
            present: datetime = (await session.execute(select(now()))).scalar_one()
        progress = progress_of(deployment, present)
        is_over = (
            progress.passes >= _PASSES_TO_BE_SURE
            and progress.seconds >= self._settings.create_give_up_after
        )
        match = found.match
        likely = match.likely if progress.passes >= _PASSES_TO_BE_SURE else ()
        match deployment.state:
            case DeploymentState.AMBIGUOUS:
                await self._update_question(claim, deployment, found, progress)
            case DeploymentState.NOT_CREATED:
                # New endpoints with other names don't matter any more.
                if likely:
                    await self._ask(claim, deployment, likely)
                else:
                    await self._search_later(claim, deployment, progress)
            case _ if unexplained := [*likely, *(match.unlikely if is_over else ())]:
                await self._ask(claim, deployment, unexplained)
            case _ if is_over:
                await self._give_up(claim, deployment, progress)
            case _:
                await self._release(
                    claim, deployment, progress, jittered(self._settings.poll_seconds_transitional)
                )

    async def _ask(
        self,
        claim: Claim,
        deployment: Deployment,
        candidates: Sequence[Candidate],
        *,
        is_named: bool = False,
    ) -> None:
        """Let a person select the endpoint; `is_named`: all candidates have exactly our name."""
        before = (
            deployment.state_before
            if deployment.state is DeploymentState.AMBIGUOUS
            else deployment.state
        )
        async with self._database.write() as session:
            if not await release(
                session,
                Deployment,
                claim,
                # With equal names only a person can tell; otherwise ours may still appear.
                due=None if is_named else jittered(self._settings.poll_seconds_stable),
                state=DeploymentState.AMBIGUOUS,
                state_before=before,
                # The name may have been used again since "not created" was posted.
                late=deployment.late or before is DeploymentState.NOT_CREATED,
                candidates=[one.endpoint_id for one in candidates],
                candidate_notes=(
                    None if is_named else {one.endpoint_id: note(one) for one in candidates}
                ),
                attempts=0,
                search_failing_since=None,
                search_reported=None,
            ):
                return
            await self._post(session, claim, search_replies.unclear)

    async def _update_question(
        self, claim: Claim, deployment: Deployment, found: Found, progress: Progress
    ) -> None:
        """Update an open question if the candidates have changed."""
        offered = list(deployment.candidates or ())
        unexplained = [*found.match.likely, *found.match.unlikely]
        more = [one for one in found.match.likely if one.endpoint_id not in offered]
        if more:
            kept = [one for one in unexplained if one.endpoint_id in offered]
            await self._ask(claim, deployment, [*kept, *more])
        elif offered and found.owned.issuperset(offered):
            # All of them belong to other deployments.
            async with self._database.write() as session:
                back = deployment.state_before or DeploymentState.OUTCOME_UNKNOWN
                values = progress.values | {"candidates": None, "candidate_notes": None}
                if await release(session, Deployment, claim, due=_NOW, state=back, **values):
                    await self._post(session, claim, search_replies.none_left())
        else:
            await self._search_later(claim, deployment, progress)

    async def _search_later(self, claim: Claim, deployment: Deployment, progress: Progress) -> None:
        """Search again later, within the late search window."""
        sent_at = deployment.sent_at or deployment.requested_at
        over = (progress.at - sent_at).total_seconds() > self._settings.late_search_window
        due = None if over else jittered(self._settings.poll_seconds_stable)
        await self._release(claim, deployment, progress, due)

    async def _release(
        self, claim: Claim, deployment: Deployment, progress: Progress, due: timedelta | None
    ) -> None:
        async with self._database.write() as session:
            if (
                await release(session, Deployment, claim, due=due, **progress.values)
                and deployment.search_reported is not None
            ):
                await self._post(session, claim, search_replies.searching_again())

    async def _give_up(self, claim: Claim, deployment: Deployment, progress: Progress) -> None:
        async with self._database.write() as session:
            if await release(
                session,
                Deployment,
                claim,
                due=jittered(self._settings.poll_seconds_stable),
                state=DeploymentState.NOT_CREATED,
                **progress.values,
            ):
                status = deployment.answer_status or 0
                was_accepted = deployment.state is DeploymentState.CREATED or 200 <= status < 300
                reply = search_replies.not_listed if was_accepted else search_replies.not_created
                await self._post(session, claim, lambda view: reply(view, progress.seconds))

    async def _post(self, session: AsyncSession, claim: Claim, reply: AnyReply) -> None:
        row = await session.get_one(Deployment, claim.id)
        await post(session, row, self._settings, reply)


def progress_of(deployment: Deployment, present: datetime) -> Progress:
    """Count the search that just ended; the time since the last one counts if the API worked."""
    seconds = deployment.empty_seconds
    if deployment.empty_at is not None:
        seconds += min((present - deployment.empty_at).total_seconds(), _LONGEST_GAP)
    return Progress(deployment.empty_passes + 1, seconds, present)
