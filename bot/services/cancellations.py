"""Cancel a deployment in any state."""

from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import CLOSED, DeploymentState
from bot.domain.operations import OperationKind
from bot.domain.statuses import GOING_DOWN
from bot.messages import replies
from bot.services import audit
from bot.services.lookup import lock_deployment
from bot.services.operations import request_operation, unfinished_operation
from bot.services.thread import post


class CancelOutcome(StrEnum):
    """Outcome of a request to cancel."""

    ACCEPTED = "accepted"
    ALREADY_ASKED = "already_asked"
    OVER = "over"


class Cancellations:
    """Records requests to cancel, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def cancel(
        self, place: ChannelRef, person: Actor, public_id: str, *, message_ts: str = ""
    ) -> CancelOutcome:
        """Cancel a deployment before its endpoint is known, or terminate the endpoint."""
        try:
            async with self._database.write() as session:
                deployment = await lock_deployment(session, place, public_id)
                if deployment is None or deployment.state in CLOSED:
                    return CancelOutcome.OVER
                if deployment.state == DeploymentState.LIVE:
                    outcome = await self._terminate(session, person, deployment)
                    action = OperationKind.TERMINATE.audit_action
                else:
                    outcome = await self._cancel(session, person, deployment)
                    action = "deployment:cancel"
                if outcome is CancelOutcome.ACCEPTED:
                    audit.write_about(session, deployment, person.id, action, message_ts=message_ts)
        except IntegrityError:
            # Two at once.
            return CancelOutcome.ALREADY_ASKED
        return outcome

    async def _terminate(
        self, session: AsyncSession, person: Actor, deployment: Deployment
    ) -> CancelOutcome:
        under_way = await unfinished_operation(session, deployment.id, OperationKind.TERMINATE)
        if under_way is not None or deployment.status in GOING_DOWN:
            return CancelOutcome.ALREADY_ASKED
        if not OperationKind.TERMINATE.fits(deployment.status):
            return CancelOutcome.OVER
        await request_operation(
            session, deployment, self._settings, OperationKind.TERMINATE, by=person.id
        )
        return CancelOutcome.ACCEPTED

    async def _cancel(
        self, session: AsyncSession, person: Actor, deployment: Deployment
    ) -> CancelOutcome:
        updated = await session.execute(
            update(Deployment)
            .where(Deployment.id == deployment.id, Deployment.cancel_requested_by.is_(None))
            .values(cancel_requested_by=person.id, attempts=0)
            .returning(Deployment.id)
            .execution_options(synchronize_session=False)
        )
        if updated.first() is None:
            return CancelOutcome.ALREADY_ASKED
        await session.refresh(deployment)
        # Also if it waits for its status message, a choice or a list: it may end sooner.
        await make_due(session, Deployment, deployment.id)
        # Posted now, so that the request stands in the thread before its effect.
        await post(session, deployment, self._settings, replies.stop_asked(person.id))
        return CancelOutcome.ACCEPTED
