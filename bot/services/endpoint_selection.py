"""A person selects which of several endpoints a deployment created."""

from enum import StrEnum

from sqlalchemy.exc import IntegrityError

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.messages import search_replies
from bot.services import audit
from bot.services.lookup import lock_deployment
from bot.services.operations import terminate_if_cancelled
from bot.services.thread import post


class SelectionOutcome(StrEnum):
    """Outcome of a selection."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    TAKEN = "taken"
    NOT_OFFERED = "not_offered"


class EndpointSelection:
    """Records selections, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def select(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        endpoint_id: str | None,
        *,
        message_ts: str = "",
    ) -> SelectionOutcome:
        """Select one of the candidates, or None for none of them."""
        try:
            async with self._database.write() as session:
                deployment = await lock_deployment(session, place, public_id)
                if deployment is None or deployment.state != DeploymentState.AMBIGUOUS:
                    return SelectionOutcome.SETTLED
                if endpoint_id is None:
                    # Excluded from now on; ours may still appear.
                    ruled_out = {*(deployment.ids_before or ()), *(deployment.candidates or ())}
                    deployment.ids_before = sorted(ruled_out)
                    deployment.state = deployment.state_before or DeploymentState.OUTCOME_UNKNOWN
                elif endpoint_id in (deployment.candidates or ()):
                    deployment.state = DeploymentState.LIVE
                    deployment.endpoint_id = endpoint_id
                    deployment.closing_note = None
                else:
                    return SelectionOutcome.NOT_OFFERED
                deployment.candidates = None
                deployment.candidate_notes = None
                await post(
                    session,
                    deployment,
                    self._settings,
                    search_replies.chosen_none(person.id)
                    if endpoint_id is None
                    else lambda view: search_replies.chosen(view, person.id),
                )
                audit.write_about(
                    session,
                    deployment,
                    person.id,
                    "deployment:choose",
                    detail=endpoint_id or "none of them",
                    message_ts=message_ts,
                )
                await make_due(session, WatchedProject, deployment.watched_project_id)
                if endpoint_id is not None:
                    await terminate_if_cancelled(session, deployment)
                # For the next search, or the first step of a live endpoint.
                await make_due(session, Deployment, deployment.id)
        except IntegrityError:
            return SelectionOutcome.TAKEN
        return SelectionOutcome.ACCEPTED
