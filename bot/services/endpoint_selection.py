"""How people say which of several endpoints a deployment made, where the API doesn't tell."""

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
from bot.services.lookup import hold_deployment
from bot.services.operations import stop_if_asked
from bot.services.thread import post


class SelectionOutcome(StrEnum):
    """What became of a choice."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    """Somebody chose before, or it was found out."""
    TAKEN = "taken"
    """The endpoint belongs to another deployment."""
    NOT_OFFERED = "not_offered"
    """The endpoint isn't one of the candidates."""


class EndpointSelection:
    """Writes down what people choose, in one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def choose(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        endpoint_id: str | None,
        *,
        message_ts: str = "",
    ) -> SelectionOutcome:
        """Say which of several endpoints a deployment made, or that none is.

        Args:
            place: Where it was said.
            person: Who says it.
            public_id: The deployment.
            endpoint_id: One of its candidates; None for none of them.
            message_ts: Of the message whose button was used.
        """
        try:
            async with self._database.write() as session:
                deployment = await hold_deployment(session, place, public_id)
                if deployment is None or deployment.state != DeploymentState.AMBIGUOUS:
                    return SelectionOutcome.SETTLED
                if endpoint_id is None:
                    # Ruled out; ours may still appear.
                    ruled_out = {*(deployment.ids_before or ()), *(deployment.candidates or ())}
                    deployment.ids_before = sorted(ruled_out)
                    deployment.state = deployment.state_before or DeploymentState.OUTCOME_UNKNOWN
                elif endpoint_id in (deployment.candidates or ()):
                    deployment.state = DeploymentState.LIVE
                    deployment.endpoint_id = endpoint_id
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
                    await stop_if_asked(session, deployment)
                # The search goes on, or what comes due by itself is worked out anew.
                await make_due(session, Deployment, deployment.id)
        except IntegrityError:
            return SelectionOutcome.TAKEN
        return SelectionOutcome.ACCEPTED
