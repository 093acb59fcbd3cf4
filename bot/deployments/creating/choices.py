"""How people say which of several endpoints a deployment made, where the API doesn't tell."""

from enum import StrEnum

from sqlalchemy.exc import IntegrityError

from bot.db.claims import wake
from bot.db.models import Deployment, Step, WatchedProject
from bot.deployments import audit
from bot.deployments.lookup import hold_deployment
from bot.deployments.operations import stop_if_asked
from bot.deployments.place import Person, Place
from bot.deployments.record import facts_of, tell
from bot.deployments.wishes import Wishes
from bot.messages import search_replies


class ChoiceOutcome(StrEnum):
    """What became of a choice."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    """Somebody chose before, or it was found out."""
    TAKEN = "taken"
    """The endpoint belongs to another deployment."""
    NOT_OFFERED = "not_offered"
    """The endpoint isn't one of the candidates."""


class Choices(Wishes):
    """Writes down what people choose, in one transaction each."""

    async def choose(
        self,
        place: Place,
        person: Person,
        public_id: str,
        endpoint_id: str | None,
        *,
        message_ts: str = "",
    ) -> ChoiceOutcome:
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
                if deployment is None or deployment.step != Step.UNCLEAR:
                    return ChoiceOutcome.SETTLED
                if endpoint_id is None:
                    # Ruled out; ours may still appear.
                    ruled_out = {*(deployment.ids_before or ()), *(deployment.candidates or ())}
                    deployment.ids_before = sorted(ruled_out)
                    deployment.step = deployment.step_before or Step.DOUBTFUL
                elif endpoint_id in (deployment.candidates or ()):
                    deployment.step = Step.LIVE
                    deployment.endpoint_id = endpoint_id
                else:
                    return ChoiceOutcome.NOT_OFFERED
                deployment.candidates = None
                deployment.candidate_notes = None
                await session.flush()
                facts = await facts_of(session, deployment, self._settings)
                said = (
                    search_replies.chosen_none(person.id)
                    if endpoint_id is None
                    else search_replies.chosen(facts, person.id)
                )
                await tell(session, deployment, facts, said)
                audit.write_about(
                    session,
                    deployment,
                    person.id,
                    "deployment:choose",
                    detail=endpoint_id or "none of them",
                    message_ts=message_ts,
                )
                await wake(session, WatchedProject, deployment.watched_project_id)
                if endpoint_id is not None:
                    await stop_if_asked(session, deployment)
                # The search goes on, or what comes due by itself is worked out anew.
                await wake(session, Deployment, deployment.id)
        except IntegrityError:
            return ChoiceOutcome.TAKEN
        self._nudges.submitter()
        self._nudges.sender()
        return ChoiceOutcome.ACCEPTED
