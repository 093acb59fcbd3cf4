"""What commands ask of deployments: write a wish down once, and wake who carries it out."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import correlation, logs
from bot.db.acts import OperationKind
from bot.db.claims import wake
from bot.db.clock import after, now
from bot.db.committed import log_committed
from bot.db.models import Deployment, Step, Target, WatchedProject
from bot.deployments import audit, mail
from bot.deployments.lookup import find_deployment, find_target, hold_deployment
from bot.deployments.operations import GOING_DOWN, fits, unfinished, write_down
from bot.deployments.place import Person, Place
from bot.deployments.record import facts_of, tell
from bot.deployments.repeats import is_first
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.targets.policy import Policy
from bot.deployments.wishes import Wishes
from bot.messages import replies
from bot.messages.root import root
from bot.permissions import Permission

log = logs.get(__name__)


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
class Asked:
    """The answer to a wish to deploy.

    Attributes:
        outcome: What became of it.
        root_ts: Of the thread of the deployment that this repeats, once it is posted.
        waits_as: The public id of the deployment, if somebody has to approve it first.
    """

    outcome: Outcome
    root_ts: str | None = None
    waits_as: str = ""

    @property
    def waits(self) -> bool:
        """Whether somebody has to approve it first."""
        return bool(self.waits_as)


class StopOutcome(StrEnum):
    """What became of a wish to stop a deployment."""

    ACCEPTED = "accepted"
    ALREADY_ASKED = "already_asked"
    OVER = "over"


class _SameLineError(Exception):
    """Takes back what was written down for a line that was sent just before."""


class Deployments(Wishes):
    """Writes what people ask for, in one transaction each."""

    async def ask(
        self,
        place: Place,
        person: Person,
        request: DeployRequest,
        request_id: str,
        *,
        message_ts: str = "",
        line: str | None = None,
    ) -> Asked:
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
                    return Asked(Outcome.TARGET_GONE)
                waits_as = await self._write_down(
                    session, place, person, request, request_id, target, message_ts
                )
                if line is not None:
                    await _refuse_repeat(session, place, person, line)
        except _SameLineError:
            # One command that is delivered twice at once is the same line, too.
            return await self._repeated(request_id) or Asked(Outcome.SAME_LINE)
        except IntegrityError:
            # The unique keys decide between two that come at once.
            return await self._repeated(request_id) or Asked(Outcome.NAME_TAKEN)
        self._nudges.sender()
        return Asked(Outcome.ACCEPTED, waits_as=waits_as)

    async def _repeated(self, request_id: str) -> Asked | None:
        async with self._database.read() as session:
            row = (
                await session.execute(
                    select(Deployment.root_ts).where(Deployment.request_id == request_id)
                )
            ).first()
        return None if row is None else Asked(Outcome.REPEATED, row[0])

    async def _write_down(
        self,
        session: AsyncSession,
        place: Place,
        person: Person,
        request: DeployRequest,
        request_id: str,
        target: Target,
        message_ts: str,
    ) -> str:
        project = await session.get_one(WatchedProject, target.watched_project_id)
        channel = await mail.channel_row(
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
            lease_seconds=request.lease_seconds,
            lease_end=Policy.model_validate(target.policy or {}).lease_end,
            price_per_hour="" if each is None else str(each),
            asked_at=now(),
            step=Step.PROPOSED if waits else Step.ASKED,
            expires_at=after(timedelta(hours=policy.approval_hours)) if waits else None,
            # If Slack doesn't take the root by then, nothing is created.
            due_at=after(timedelta(seconds=self._settings.create_give_up_after)),
        )
        session.add(deployment)
        await session.flush()
        await session.refresh(deployment)
        correlation.bind(correlation.reference(), deployment=deployment.public_id)
        log_committed(session, log, "accepted", operation="deploy", waits=waits)
        facts = await facts_of(session, deployment, self._settings)
        await mail.send_root(
            session, channel_row_id=channel, deployment_id=deployment.id, body=root(facts)
        )
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

    async def find(self, place: Place, public_id: str) -> Deployment | None:
        """The deployment that a button in this place names; None if it belongs elsewhere."""
        async with self._database.read() as session:
            return await find_deployment(session, place, public_id)

    async def stop(
        self, place: Place, person: Person, public_id: str, *, message_ts: str = ""
    ) -> StopOutcome:
        """Cancel a deployment on its way, or terminate its endpoint."""
        try:
            async with self._database.write() as session:
                deployment = await hold_deployment(session, place, public_id)
                if deployment is None or deployment.step in _OVER:
                    return StopOutcome.OVER
                if deployment.step == Step.LIVE:
                    outcome = await self._terminate(session, person, deployment)
                    action = f"endpoint:{OperationKind.TERMINATE}"
                else:
                    outcome = await self._cancel(session, person, deployment)
                    action = "deployment:cancel"
                if outcome is StopOutcome.ACCEPTED:
                    audit.write_about(session, deployment, person.id, action, message_ts=message_ts)
        except IntegrityError:
            # The unique key decides between two that come at once.
            return StopOutcome.ALREADY_ASKED
        self._nudges.submitter()
        self._nudges.sender()
        return outcome

    async def _terminate(
        self, session: AsyncSession, person: Person, deployment: Deployment
    ) -> StopOutcome:
        under_way = await unfinished(session, deployment.id, OperationKind.TERMINATE)
        if under_way is not None or deployment.status in GOING_DOWN:
            return StopOutcome.ALREADY_ASKED
        if not fits(OperationKind.TERMINATE, deployment.status):
            return StopOutcome.OVER
        await write_down(session, deployment, self._settings, OperationKind.TERMINATE, by=person.id)
        return StopOutcome.ACCEPTED

    async def _cancel(
        self, session: AsyncSession, person: Person, deployment: Deployment
    ) -> StopOutcome:
        asked = await session.execute(
            update(Deployment)
            .where(Deployment.id == deployment.id, Deployment.stop_asked_by.is_(None))
            .values(stop_asked_by=person.id, attempts=0)
            .returning(Deployment.id)
            .execution_options(synchronize_session=False)
        )
        if asked.first() is None:
            return StopOutcome.ALREADY_ASKED
        await session.refresh(deployment)
        # What waits for its root, for a choice or for a list is woken too: it may end sooner.
        await wake(session, Deployment, deployment.id)
        facts = await facts_of(session, deployment, self._settings)
        # Told here and not when it is carried out, so that the wish stands before its effect.
        await tell(session, deployment, facts, replies.stop_asked(person.id))
        return StopOutcome.ACCEPTED


async def _refuse_repeat(session: AsyncSession, place: Place, person: Person, line: str) -> None:
    # Once all else is written down, so that a name that is taken is said first.
    if not await is_first(session, place, person, line):
        raise _SameLineError


_OVER = frozenset(
    {
        Step.NOT_MADE,
        Step.REFUSED,
        Step.CANCELLED,
        Step.REJECTED,
        Step.ENDED,
        Step.UNWATCHED,
    }
)
