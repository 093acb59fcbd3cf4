"""What commands ask of deployments: write a wish down once, and wake who carries it out."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.clock import after, now
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment, Target, WatchedProject
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import CLOSED, DeploymentState
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.policy import Policy
from bot.domain.process import correlation
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.statuses import GOING_DOWN
from bot.messages import replies
from bot.services import audit, outbox
from bot.services.lookup import find_deployment, find_target, hold_deployment
from bot.services.operations import unfinished, write_down
from bot.services.repeated_commands import is_first
from bot.services.thread import open_thread, post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Outcome(StrEnum):
    """What became of a wish."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The same click, delivered again: nothing was done for this one."""
    SAME_LINE = "same_line"
    """The person has sent the same line less than a minute ago: nothing was done for this one."""
    NAME_TAKEN = "name_taken"
    """A deployment of this name may still have, or get, an endpoint in the project."""
    TARGET_GONE = "target_gone"


@dataclass(frozen=True, slots=True)
class DeployResult:
    """The answer to a wish to deploy.

    Attributes:
        outcome: What became of it.
        thread_ts: Of the thread of the deployment that this repeats, once it is posted.
        waits_as: The public id of the deployment, if somebody has to approve it first.
    """

    outcome: Outcome
    thread_ts: str | None = None
    waits_as: str = ""

    @property
    def waits(self) -> bool:
        """Whether somebody has to approve it first."""
        return bool(self.waits_as)


class CancelOutcome(StrEnum):
    """What became of a wish to stop a deployment."""

    ACCEPTED = "accepted"
    ALREADY_ASKED = "already_asked"
    OVER = "over"


class _SameLineError(Exception):
    """Takes back what was written down for a line that was sent just before."""


class Deployments:
    """Writes what people ask for, in one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def ask(
        self,
        place: ChannelRef,
        person: Actor,
        request: DeployRequest,
        request_id: str,
        *,
        message_ts: str = "",
        line: str | None = None,
    ) -> DeployResult:
        """Write down a wish to deploy.

        Args:
            place: Where it was asked.
            person: Who asked.
            request: What for.
            request_id: Of the form, or of the command: the same one is accepted once.
            message_ts: Of the message whose button was used.
            line: The command line that asks for it without another question.
        """
        repeated = await self._repeated(request_id)
        if repeated is not None:
            return repeated
        try:
            async with self._database.write() as session:
                target = await find_target(session, place, request.target)
                if target is None:
                    return DeployResult(Outcome.TARGET_GONE)
                waits_as = await self._write_down(
                    session, place, person, request, request_id, target, message_ts
                )
                if line is not None:
                    await _refuse_repeat(session, place, person, line)
        except _SameLineError:
            # One command that is delivered twice at once is the same line, too.
            return await self._repeated(request_id) or DeployResult(Outcome.SAME_LINE)
        except IntegrityError:
            # The unique keys decide between two that come at once.
            return await self._repeated(request_id) or DeployResult(Outcome.NAME_TAKEN)
        return DeployResult(Outcome.ACCEPTED, waits_as=waits_as)

    async def _repeated(self, request_id: str) -> DeployResult | None:
        async with self._database.read() as session:
            row = (
                await session.execute(
                    select(Deployment.thread_ts).where(Deployment.request_id == request_id)
                )
            ).first()
        return None if row is None else DeployResult(Outcome.REPEATED, row[0])

    async def _write_down(
        self,
        session: AsyncSession,
        place: ChannelRef,
        person: Actor,
        request: DeployRequest,
        request_id: str,
        target: Target,
        message_ts: str,
    ) -> str:
        project = await session.get_one(WatchedProject, target.watched_project_id)
        channel = await outbox.channel_row(
            session,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            address=place.channel_id,
        )
        policy = Policy.model_validate(target.policy or {})
        waits = policy.asks_for_approval(request.price_at_full_scale(self._settings.prices))
        each = request.price_per_replica(self._settings.prices)
        deployment = Deployment(
            request_id=request_id,
            public_id=uuid.uuid4().hex,
            channel_row_id=channel,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            channel_id=place.channel_id,
            requester_id=person.id,
            target_name=target.name,
            watched_project_id=project.id,
            api_base=project.api_base,
            friendli_project_id=project.project_id,
            friendli_team_id=project.team_id,
            name=request.name,
            request=request.model_dump(mode="json", exclude_none=True),
            lifetime_seconds=request.lifetime_seconds,
            expiry_action=Policy.model_validate(target.policy or {}).expiry_action,
            price_per_hour="" if each is None else str(each),
            requested_at=now(),
            state=DeploymentState.PROPOSED if waits else DeploymentState.REQUESTED,
            expires_at=after(timedelta(hours=policy.approval_hours)) if waits else None,
            # If Slack doesn't take the root by then, nothing is created.
            due_at=after(timedelta(seconds=self._settings.create_give_up_after)),
        )
        session.add(deployment)
        await session.flush()
        await session.refresh(deployment)
        correlation.bind(correlation.reference(), deployment=deployment.public_id)
        log_committed(session, log, "accepted", operation="deploy", waits=waits)
        await open_thread(session, deployment, self._settings)
        detail = f"{request.model} on {request.option.label}, {request.replicas_text}"
        audit.write_about(
            session,
            deployment,
            person.id,
            Permission.DEPLOY,
            detail=f"{detail}; waits for approval" if waits else detail,
            message_ts=message_ts,
        )
        return deployment.public_id if waits else ""

    async def find(self, place: ChannelRef, public_id: str) -> Deployment | None:
        """The deployment that a button in this place names; None if it belongs elsewhere."""
        async with self._database.read() as session:
            return await find_deployment(session, place, public_id)

    async def stop(
        self, place: ChannelRef, person: Actor, public_id: str, *, message_ts: str = ""
    ) -> CancelOutcome:
        """Cancel a deployment on its way, or terminate its endpoint."""
        try:
            async with self._database.write() as session:
                deployment = await hold_deployment(session, place, public_id)
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
            # The unique key decides between two that come at once.
            return CancelOutcome.ALREADY_ASKED
        return outcome

    async def _terminate(
        self, session: AsyncSession, person: Actor, deployment: Deployment
    ) -> CancelOutcome:
        under_way = await unfinished(session, deployment.id, OperationKind.TERMINATE)
        if under_way is not None or deployment.status in GOING_DOWN:
            return CancelOutcome.ALREADY_ASKED
        if not OperationKind.TERMINATE.fits(deployment.status):
            return CancelOutcome.OVER
        await write_down(session, deployment, self._settings, OperationKind.TERMINATE, by=person.id)
        return CancelOutcome.ACCEPTED

    async def _cancel(
        self, session: AsyncSession, person: Actor, deployment: Deployment
    ) -> CancelOutcome:
        asked = await session.execute(
            update(Deployment)
            .where(Deployment.id == deployment.id, Deployment.cancel_requested_by.is_(None))
            .values(cancel_requested_by=person.id, attempts=0)
            .returning(Deployment.id)
            .execution_options(synchronize_session=False)
        )
        if asked.first() is None:
            return CancelOutcome.ALREADY_ASKED
        await session.refresh(deployment)
        # What waits for its root, for a choice or for a list is woken too: it may end sooner.
        await make_due(session, Deployment, deployment.id)
        # Posted now, so that the request stands in the thread before its effect.
        await post(session, deployment, self._settings, replies.stop_asked(person.id))
        return CancelOutcome.ACCEPTED


async def _refuse_repeat(
    session: AsyncSession, place: ChannelRef, person: Actor, line: str
) -> None:
    # Once all else is written down, so that a name that is taken is said first.
    if not await is_first(session, place, person, line):
        raise _SameLineError
