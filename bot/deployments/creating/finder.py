"""Finds the endpoint that a create request made, or learns that it made none.

What counts as ours stands in `bot.deployments.creating.adoption`. "It wasn't made" needs several
complete lists over a long enough time in which the API worked; after that it is looked for on, in
case it appears late.
"""

from collections.abc import Sequence
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
from bot.deployments.creating.adoption import Sought, matches, new_ids
from bot.deployments.nudges import Nudges
from bot.deployments.operations import stop_if_asked
from bot.deployments.pace import back_off, jittered
from bot.deployments.record import facts_of, tell, write_down
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.watching.states import COMING_UP, Told, observe
from bot.friendli.access import Access
from bot.friendli.client import EndpointListing, FriendliClient
from bot.friendli.errors import FriendliError, NotFound
from bot.friendli.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus
from bot.messages import replies, transitions

log = logs.get(__name__)

_PASSES_TO_BE_SURE = 3
_NOW = timedelta(0)


class Finder:
    """The submitter's steps after the create request."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        settings: Settings,
        nudges: Nudges,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._settings = settings
        self._nudges = nudges

    async def doubt(self, held: Claim) -> None:
        """Nobody knows whether the create request was carried out: say so, and look."""
        async with self._database.write() as session:
            if await finish(session, Deployment, held, due=_NOW, step=Step.DOUBTFUL, attempts=0):
                deployment = await session.get_one(Deployment, held.id)
                facts = await facts_of(session, deployment, self._settings)
                await tell(session, deployment, facts, replies.doubtful(facts))

    async def look(
        self, held: Claim, deployment: Deployment, project: WatchedProject, access: Access
    ) -> None:
        """Look through the project once."""
        request = DeployRequest.model_validate(deployment.request)
        sought = Sought(
            request,
            deployment.ids_before or (),
            deployment.listed_at,
            deployment.answered_created_at,
        )
        try:
            listing = await self._friendli.list_all_endpoints(access, project.project_id)
            owned = await self._owned_by_others(deployment)
            found: dict[str, DedicatedEndpointSpec] = {}
            for endpoint_id in new_ids(sought, listing.endpoints, owned):
                spec = await self._spec(access, endpoint_id)
                if spec is not None and matches(request, spec):
                    found[endpoint_id] = spec
        except FriendliError as error:
            await self.look_later(held, deployment, error)
            return
        match list(found):
            case []:
                await self._nothing(held, deployment)
            case [endpoint_id]:
                await self._adopt(held, deployment, listing, endpoint_id, found[endpoint_id])
            case several:
                await self._ask(held, several)

    async def look_later(
        self, held: Claim, deployment: Deployment, error: FriendliError | None
    ) -> None:
        """The API didn't work: that time doesn't count as looking."""
        wait = back_off(deployment.attempts, self._settings, error)
        async with self._database.write() as session:
            await finish(
                session,
                Deployment,
                held,
                due=wait,
                attempts=deployment.attempts + 1,
                empty_at=None,
            )

    async def _owned_by_others(self, deployment: Deployment) -> Sequence[str]:
        async with self._database.read() as session:
            ids = await session.scalars(
                select(Deployment.endpoint_id).where(
                    Deployment.api_base == deployment.api_base,
                    Deployment.friendli_project_id == deployment.friendli_project_id,
                    Deployment.endpoint_id.is_not(None),
                    Deployment.id != deployment.id,
                )
            )
            return [id_ for id_ in ids if id_ is not None]

    async def _spec(self, access: Access, endpoint_id: str) -> DedicatedEndpointSpec | None:
        try:
            return await self._friendli.get_endpoint(access, endpoint_id)
        except NotFound:
            # Deleted since it was listed.
            return None

    async def _adopt(
        self,
        held: Claim,
        deployment: Deployment,
        listing: EndpointListing,
        endpoint_id: str,
        spec: DedicatedEndpointSpec,
    ) -> None:
        late = deployment.step == Step.NOT_MADE
        doubted = deployment.step == Step.DOUBTFUL
        try:
            async with self._database.write() as session:
                if not await finish(
                    session,
                    Deployment,
                    held,
                    # What comes due by itself is worked out anew, now that there is an endpoint.
                    due=_NOW,
                    step=Step.LIVE,
                    endpoint_id=endpoint_id,
                    friendli_team_id=spec.team_id or deployment.friendli_team_id,
                    late=late,
                    ids_before=None,
                    attempts=0,
                ):
                    return
                row = await session.get_one(Deployment, held.id)
                # Before it is told: a root that is drawn after it shows what is under way.
                await stop_if_asked(session, row)
                await self._introduce(session, row, listing.endpoints[endpoint_id], doubted=doubted)
                await wake(session, WatchedProject, deployment.watched_project_id)
        except IntegrityError:
            # Another deployment took it between our look and our write: look again.
            await self.look_later(held, deployment, None)
            return
        self._nudges.tracker()

    async def _introduce(
        self,
        session: AsyncSession,
        row: Deployment,
        status: DedicatedEndpointStatus,
        *,
        doubted: bool,
    ) -> None:
        """Tell that the endpoint is found, and what it is doing."""
        state = observe(None, status)
        if state is None:
            facts = await facts_of(session, row, self._settings)
        else:
            present = (await session.execute(select(now()))).scalar_one()
            newest = Told(state, present, status.changed_at)
            facts = await write_down(session, row, self._settings, newest)
        said = [replies.adopted(facts, late=row.late, doubted=doubted)]
        if state is not None and (row.late or state.status not in COMING_UP):
            said.append(transitions.transition(facts))
        await tell(session, row, facts, *said)

    async def _ask(self, held: Claim, candidates: list[str]) -> None:
        """Several look exactly like ours: a person chooses."""
        async with self._database.write() as session:
            if await finish(
                session, Deployment, held, due=None, step=Step.UNCLEAR, candidates=candidates
            ):
                deployment = await session.get_one(Deployment, held.id)
                facts = await facts_of(session, deployment, self._settings)
                await tell(session, deployment, facts, replies.unclear(facts))

    async def _nothing(self, held: Claim, deployment: Deployment) -> None:
        async with self._database.read() as session:
            present: datetime = (await session.execute(select(now()))).scalar_one()
        passes = deployment.empty_passes + 1
        seconds = deployment.empty_seconds
        if deployment.empty_at is not None:
            seconds += (present - deployment.empty_at).total_seconds()
        values: dict[str, object] = {
            "empty_passes": passes,
            "empty_seconds": seconds,
            "empty_at": present,
            "attempts": 0,
        }
        settings = self._settings
        if deployment.step == Step.NOT_MADE:
            sent_at = deployment.sent_at or deployment.asked_at
            over = (present - sent_at).total_seconds() > settings.look_late_for
            due = None if over else jittered(settings.poll_seconds_steady)
            async with self._database.write() as session:
                await finish(session, Deployment, held, due=due, **values)
            return
        if passes < _PASSES_TO_BE_SURE or seconds < settings.create_give_up_after:
            async with self._database.write() as session:
                due = jittered(settings.poll_seconds_moving)
                await finish(session, Deployment, held, due=due, **values)
            return
        async with self._database.write() as session:
            if await finish(
                session,
                Deployment,
                held,
                due=jittered(settings.poll_seconds_steady),
                step=Step.NOT_MADE,
                **values,
            ):
                row = await session.get_one(Deployment, held.id)
                facts = await facts_of(session, row, settings)
                made = deployment.step == Step.MADE
                say = replies.not_listed if made else replies.not_made
                await tell(session, row, facts, say(facts, seconds))
