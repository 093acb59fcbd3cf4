"""Finds the endpoint that a create request made, or learns that it made none.

`bot.deployments.creating.matching` says which of the new endpoints may be ours. "It wasn't
created" needs several complete lists over a long enough time in which the API worked, and no new
endpoint that nothing explains; after that it is looked for on, in case it appears late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.claims import Claim, finish, wake
from bot.db.clock import now
from bot.db.models import Deployment, Step, WatchedProject
from bot.db.session import Database
from bot.deployments.creating.matching import Candidate
from bot.deployments.creating.search import Found, Search
from bot.deployments.nudges import Nudges
from bot.deployments.operations import stop_if_asked
from bot.deployments.pace import back_off, jittered
from bot.deployments.record import facts_of, tell, write_down
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.watching.obstacle import Obstacle, obstacle_of
from bot.deployments.watching.states import COMING_UP, Told, observe
from bot.friendli.access import Access
from bot.friendli.client import FriendliClient
from bot.friendli.errors import FriendliError
from bot.friendli.schemas import DedicatedEndpointStatus
from bot.messages import search_replies, transitions
from bot.messages.candidates import differences, note
from bot.messages.reply import Reply

log = logs.get(__name__)

_PASSES_TO_BE_SURE = 3
# Between two passes nobody looked for longer than this only if the bot itself was down.
_LONGEST_GAP = 120.0
_NOW = timedelta(0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How thoroughly it was looked for: complete passes, and the time they span."""

    passes: int
    seconds: float
    at: datetime

    @property
    def values(self) -> dict[str, object]:
        """The columns to write."""
        return {
            "empty_passes": self.passes,
            "empty_seconds": self.seconds,
            "empty_at": self.at,
            "attempts": 0,
            "search_failing_since": None,
            "search_told": None,
        }


class Reconciler:
    """The steps after the create request."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        settings: Settings,
        nudges: Nudges,
    ) -> None:
        self._database = database
        self._settings = settings
        self._nudges = nudges
        self._search = Search(database, friendli, settings)

    async def doubt(self, held: Claim, error: FriendliError | None) -> None:
        """Post that the create request's outcome is unknown, and what is known of it; then look.

        Args:
            held: The deployment's claim.
            error: Why it is unknown; None if whoever sent it didn't live to see the answer.
        """
        status = error.status if error is not None else None
        async with self._database.write() as session:
            if await finish(
                session,
                Deployment,
                held,
                due=_NOW,
                step=Step.DOUBTFUL,
                attempts=0,
                answer_status=status,
                answer_words=error.words if error is not None else None,
            ):
                row = await session.get_one(Deployment, held.id)
                facts = await facts_of(session, row, self._settings)
                said = search_replies.doubtful(
                    facts,
                    status,
                    row.answer_words or "",
                    was_interrupted=error is None,
                )
                await tell(session, row, facts, said)

    async def look(
        self, held: Claim, deployment: Deployment, project: WatchedProject, access: Access
    ) -> None:
        """Look through the project once."""
        try:
            found = await self._search.look(deployment, project, access)
        except (FriendliError, TimeoutError) as error:
            await self.look_later(held, deployment, obstacle_of(error), error)
            return
        match found.match.ours, found.match.twins:
            case Candidate() as ours, _:
                await self._adopt(held, deployment, found.listed[ours.endpoint_id], ours)
            case _, []:
                await self._not_found(held, deployment, found)
            case _, twins:
                await self._ask(held, deployment, twins, is_named=True)

    async def look_later(
        self,
        held: Claim,
        deployment: Deployment,
        obstacle: Obstacle,
        error: FriendliError | TimeoutError | None = None,
    ) -> None:
        """The search can't be done: that time doesn't count as looking.

        Its thread learns that once it lasts, unless it was told already that nothing was created.
        """
        async with self._database.write() as session:
            present = (await session.execute(select(now()))).scalar_one()
            since = deployment.search_failing_since or present
            failing = (present - since).total_seconds()
            tell_now = (
                deployment.search_told is None
                and deployment.step is not Step.NOT_MADE
                and failing >= self._settings.outage_told_after
            )
            if not await finish(
                session,
                Deployment,
                held,
                due=back_off(deployment.attempts, self._settings, error),
                attempts=deployment.attempts + 1,
                empty_at=None,
                search_failing_since=since,
                search_told=obstacle if tell_now else deployment.search_told,
            ):
                return
            if tell_now:
                await self._tell(session, held, search_replies.cant_search(obstacle, failing))

    async def _adopt(
        self,
        held: Claim,
        deployment: Deployment,
        status: DedicatedEndpointStatus,
        ours: Candidate,
    ) -> None:
        late = deployment.late or deployment.step is Step.NOT_MADE
        team = ours.spec.team_id if ours.spec is not None else None
        try:
            async with self._database.write() as session:
                if not await finish(
                    session,
                    Deployment,
                    held,
                    # What comes due by itself is worked out anew, now that there is an endpoint.
                    due=_NOW,
                    step=Step.LIVE,
                    endpoint_id=ours.endpoint_id,
                    friendli_team_id=team or deployment.friendli_team_id,
                    late=late,
                    ids_before=None,
                    candidates=None,
                    candidate_notes=None,
                    attempts=0,
                    search_failing_since=None,
                    search_told=None,
                ):
                    return
                row = await session.get_one(Deployment, held.id)
                # Before it is told: a root that is drawn after it shows what is under way.
                await stop_if_asked(session, row)
                await self._introduce(session, row, status, ours, before=deployment.step)
                await wake(session, WatchedProject, deployment.watched_project_id)
        except IntegrityError:
            # Another deployment took it between our look and our write: look again.
            async with self._database.write() as session:
                due = jittered(self._settings.poll_seconds_moving)
                await finish(session, Deployment, held, due=due)
            return
        log.info("found", endpoint=ours.endpoint_id, late=late)
        self._nudges.tracker()

    async def _introduce(
        self,
        session: AsyncSession,
        row: Deployment,
        status: DedicatedEndpointStatus,
        ours: Candidate,
        *,
        before: Step,
    ) -> None:
        """Tell that the endpoint is found, and what it is doing."""
        state = observe(None, status)
        if state is None:
            facts = await facts_of(session, row, self._settings)
        else:
            present = (await session.execute(select(now()))).scalar_one()
            newest = Told(state, present, status.changed_at)
            facts = await write_down(session, row, self._settings, newest)
        request = DeployRequest.model_validate(row.request)
        said = [
            search_replies.adopted(
                facts,
                late=row.late,
                doubted=before is not Step.MADE,
                differences=differences(request, ours.spec),
            )
        ]
        if state is not None and (row.late or state.status not in COMING_UP):
            said.append(transitions.transition(facts))
        await tell(session, row, facts, *said)

    async def _not_found(self, held: Claim, deployment: Deployment, found: Found) -> None:
        async with self._database.read() as session:
            present: datetime = (await session.execute(select(now()))).scalar_one()
        progress = progress_of(deployment, present)
        is_over = (
            progress.passes >= _PASSES_TO_BE_SURE
            and progress.seconds >= self._settings.create_give_up_after
        )
        match = found.match
        likely = match.likely if progress.passes >= _PASSES_TO_BE_SURE else ()
        match deployment.step:
            case Step.UNCLEAR:
                await self._ask_again(held, deployment, found, progress)
            case Step.NOT_MADE:
                # What others make from now on, under names of their own, is none of our business.
                if likely:
                    await self._ask(held, deployment, likely)
                else:
                    await self._look_on(held, deployment, progress)
            case _ if unexplained := [*likely, *(match.unlikely if is_over else ())]:
                await self._ask(held, deployment, unexplained)
            case _ if is_over:
                await self._give_up(held, deployment, progress)
            case _:
                await self._put_back(
                    held, deployment, progress, jittered(self._settings.poll_seconds_moving)
                )

    async def _ask(
        self,
        held: Claim,
        deployment: Deployment,
        candidates: Sequence[Candidate],
        *,
        is_named: bool = False,
    ) -> None:
        """A person chooses: nothing is adopted by guess.

        Args:
            held: The deployment's claim.
            deployment: The row.
            candidates: What to choose from.
            is_named: Whether all of them have exactly our name.
        """
        before = deployment.step_before if deployment.step is Step.UNCLEAR else deployment.step
        async with self._database.write() as session:
            if not await finish(
                session,
                Deployment,
                held,
                # Of twins only a person can tell; ours may still appear among others.
                due=None if is_named else jittered(self._settings.poll_seconds_steady),
                step=Step.UNCLEAR,
                step_before=before,
                # The name may have been used again since it was told that nothing was created.
                late=deployment.late or before is Step.NOT_MADE,
                candidates=[one.endpoint_id for one in candidates],
                candidate_notes=(
                    None if is_named else {one.endpoint_id: note(one) for one in candidates}
                ),
                attempts=0,
                search_failing_since=None,
                search_told=None,
            ):
                return
            row = await session.get_one(Deployment, held.id)
            facts = await facts_of(session, row, self._settings)
            await tell(session, row, facts, search_replies.unclear(facts))

    async def _ask_again(
        self, held: Claim, deployment: Deployment, found: Found, progress: Progress
    ) -> None:
        """A question is open: ask anew if there is more to choose from, or nothing any more."""
        asked = list(deployment.candidates or ())
        unexplained = [*found.match.likely, *found.match.unlikely]
        more = [one for one in found.match.likely if one.endpoint_id not in asked]
        if more:
            kept = [one for one in unexplained if one.endpoint_id in asked]
            await self._ask(held, deployment, [*kept, *more])
        elif asked and found.owned.issuperset(asked):
            # They turned out to be other deployments' own.
            async with self._database.write() as session:
                back = deployment.step_before or Step.DOUBTFUL
                values = progress.values | {"candidates": None, "candidate_notes": None}
                if await finish(session, Deployment, held, due=_NOW, step=back, **values):
                    await self._tell(session, held, search_replies.none_left())
        else:
            await self._look_on(held, deployment, progress)

    async def _look_on(self, held: Claim, deployment: Deployment, progress: Progress) -> None:
        """Look again later, until it is too late."""
        sent_at = deployment.sent_at or deployment.asked_at
        over = (progress.at - sent_at).total_seconds() > self._settings.look_late_for
        due = None if over else jittered(self._settings.poll_seconds_steady)
        await self._put_back(held, deployment, progress, due)

    async def _put_back(
        self, held: Claim, deployment: Deployment, progress: Progress, due: timedelta | None
    ) -> None:
        async with self._database.write() as session:
            if (
                await finish(session, Deployment, held, due=due, **progress.values)
                and deployment.search_told is not None
            ):
                await self._tell(session, held, search_replies.searching_again())

    async def _give_up(self, held: Claim, deployment: Deployment, progress: Progress) -> None:
        async with self._database.write() as session:
            if await finish(
                session,
                Deployment,
                held,
                due=jittered(self._settings.poll_seconds_steady),
                step=Step.NOT_MADE,
                **progress.values,
            ):
                row = await session.get_one(Deployment, held.id)
                facts = await facts_of(session, row, self._settings)
                status = deployment.answer_status or 0
                was_accepted = deployment.step is Step.MADE or 200 <= status < 300
                say = search_replies.not_listed if was_accepted else search_replies.not_created
                await tell(session, row, facts, say(facts, progress.seconds))

    async def _tell(self, session: AsyncSession, held: Claim, said: Reply) -> None:
        row = await session.get_one(Deployment, held.id)
        await tell(session, row, await facts_of(session, row, self._settings), said)


def progress_of(deployment: Deployment, present: datetime) -> Progress:
    """Count the pass that has just ended; the time since the last one only if the API worked."""
    seconds = deployment.empty_seconds
    if deployment.empty_at is not None:
        seconds += min((present - deployment.empty_at).total_seconds(), _LONGEST_GAP)
    return Progress(deployment.empty_passes + 1, seconds, present)
