"""Ask those who have a permission, in the deployment's thread, once an hour at most."""

from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import AuditEntry
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.messages.access_request import asks
from bot.messages.reply import News
from bot.services import audit
from bot.services.lookup import in_channel, lock_deployment
from bot.services.thread import post

_ACTION = "permission:ask"
_REPEATED_WITHIN = timedelta(hours=1)


class RequestOutcome(StrEnum):
    """Outcome of such a request."""

    POSTED = "posted"
    REPEATED = "repeated"
    GONE = "gone"


class AccessRequests:
    """Posts requests for a permission."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def post(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        permission: Permission,
        whom: str,
        *,
        operation: OperationKind | None = None,
        message_ts: str = "",
    ) -> RequestOutcome:
        """Post the request; `whom` mentions those who have the permission, as mrkdwn."""
        async with self._database.write() as session:
            deployment = await lock_deployment(session, place, public_id)
            if deployment is None:
                return RequestOutcome.GONE
            if await _asked_lately(session, place, person, deployment, permission):
                return RequestOutcome.REPEATED
            reply = asks(person.id, permission, operation, whom, News.NEEDS_YOU)
            await post(session, deployment, self._settings, reply)
            audit.write_about(
                session,
                deployment,
                person.id,
                _ACTION,
                Effect.DONE,
                detail=permission,
                message_ts=message_ts,
            )
        return RequestOutcome.POSTED

    async def call(
        self, place: ChannelRef, person: Actor, public_id: str, permission: Permission, whom: str
    ) -> None:
        """Mention those who may decide in a thread whose status message asks already."""
        async with self._database.write() as session:
            deployment = await lock_deployment(session, place, public_id)
            # It may be decided by now.
            if deployment is None or deployment.state is not DeploymentState.PROPOSED:
                return
            reply = asks(person.id, permission, None, whom, News.ORDINARY)
            await post(session, deployment, self._settings, reply)


async def _asked_lately(
    session: AsyncSession,
    place: ChannelRef,
    person: Actor,
    deployment: Deployment,
    permission: Permission,
) -> bool:
    entry = await session.scalar(
        select(AuditEntry.id)
        .where(
            *in_channel(AuditEntry, place),
            AuditEntry.person_id == person.id,
            AuditEntry.action == _ACTION,
            AuditEntry.endpoint == deployment.name,
            AuditEntry.detail == permission,
            AuditEntry.at > after(-_REPEATED_WITHIN),
        )
        .limit(1)
    )
    return entry is not None
