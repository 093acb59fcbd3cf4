"""Gives a deployment the endpoint that the search found, and starts watching it."""

from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, make_due, release
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.matching import Candidate
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import DedicatedEndpointStatus
from bot.domain.statuses import COMING_UP
from bot.domain.transitions import ObservedTransition, observe
from bot.messages import search_replies, transitions
from bot.messages.match_candidates import differences
from bot.services.back_off import jittered
from bot.services.operations import terminate_if_cancelled
from bot.services.thread import AnyReply, add_transition, post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_NOW = timedelta(0)


class Adoption:
    """Makes deployments live."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def adopt(
        self,
        claim: Claim,
        deployment: Deployment,
        status: DedicatedEndpointStatus,
        ours: Candidate,
    ) -> None:
        """Adopt an endpoint; search again if another deployment took it first."""
        late = deployment.late or deployment.state is DeploymentState.NOT_CREATED
        team = ours.spec.team_id if ours.spec is not None else None
        try:
            async with self._database.write() as session:
                if not await release(
                    session,
                    Deployment,
                    claim,
                    # The first step of a live endpoint works out what is due next.
                    due=_NOW,
                    state=DeploymentState.LIVE,
                    endpoint_id=ours.endpoint_id,
                    friendli_team_id=team or deployment.friendli_team_id,
                    late=late,
                    ids_before=None,
                    candidates=None,
                    candidate_notes=None,
                    closing_note=None,
                    attempts=0,
                    search_failing_since=None,
                    search_reported=None,
                ):
                    return
                row = await session.get_one(Deployment, claim.id)
                # First, so that the status message shows the operation.
                await terminate_if_cancelled(session, row)
                await self._introduce(session, row, status, ours, before=deployment.state)
                await make_due(session, WatchedProject, deployment.watched_project_id)
        except IntegrityError:
            # Taken between the search and this transaction.
            async with self._database.write() as session:
                due = jittered(self._settings.poll_seconds_transitional)
                await release(session, Deployment, claim, due=due)
            return
        log.info("found", endpoint=ours.endpoint_id, late=late)

    async def _introduce(
        self,
        session: AsyncSession,
        row: Deployment,
        status: DedicatedEndpointStatus,
        ours: Candidate,
        *,
        before: DeploymentState,
    ) -> None:
        """Post that the endpoint is found, and its status."""
        state = observe(None, status)
        if state is not None:
            present = (await session.execute(select(now()))).scalar_one()
            newest = ObservedTransition(state, present, status.changed_at)
            await add_transition(session, row, self._settings, newest)
        request = DeployRequest.model_validate(row.request)
        replies: list[AnyReply] = [
            partial(
                search_replies.adopted,
                late=row.late,
                doubted=before is not DeploymentState.CREATED,
                differences=differences(request, ours.spec),
            )
        ]
        if state is not None and (row.late or state.status not in COMING_UP):
            replies.append(transitions.transition)
        await post(session, row, self._settings, *replies)
