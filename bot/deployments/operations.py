"""What people ask to be done with endpoints: written down once, told, and carried out later."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.acts import UNFINISHED, Cause, Operation, OperationKind, OperationState
from bot.db.claims import wake
from bot.db.clock import now
from bot.db.committed import log_committed
from bot.db.models import Deployment, Step
from bot.deployments import audit
from bot.deployments.lookup import hold_deployment, is_name_taken
from bot.deployments.place import Person, Place
from bot.deployments.record import approvers, facts_of, policy_of, tell
from bot.deployments.updating.update import Update
from bot.deployments.wishes import Wishes
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.messages import replies
from bot.messages.approvals import Proposal, proposed
from bot.messages.markup import unescape
from bot.permissions import Permission

log = logs.get(__name__)

PERMISSIONS: Mapping[OperationKind, Permission] = {
    OperationKind.SLEEP: Permission.OPERATE,
    OperationKind.WAKE: Permission.OPERATE,
    OperationKind.RESTART: Permission.OPERATE,
    OperationKind.TERMINATE: Permission.TERMINATE,
    OperationKind.DELETE: Permission.DELETE,
    OperationKind.UPDATE: Permission.UPDATE,
}

_AT_REST = frozenset({Status.FAILED.value, Status.TERMINATED.value})
# In which statuses each makes sense; Friendli refuses a restart and a delete in any other.
_FITS: Mapping[OperationKind, frozenset[str]] = {
    OperationKind.SLEEP: frozenset({Status.RUNNING.value}),
    OperationKind.WAKE: frozenset({Status.SLEEPING.value}),
    OperationKind.RESTART: _AT_REST,
    OperationKind.DELETE: _AT_REST,
    OperationKind.UPDATE: frozenset(
        {Status.RUNNING.value, Status.SLEEPING.value, Status.FAILED.value}
    ),
}
GOING_DOWN = frozenset({Status.STOPPING.value, Status.TERMINATING.value})


def fits(kind: OperationKind, status: str | None) -> bool:
    """Whether an operation makes sense for an endpoint in a status.

    Whatever isn't over, or on its way down, can be terminated: also what this bot doesn't know.
    """
    if kind is OperationKind.TERMINATE:
        return status not in _AT_REST | GOING_DOWN
    return status in _FITS[kind]


class OperationOutcome(StrEnum):
    """What became of a wish to do something with an endpoint."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The same click, delivered again: nothing was done for this one."""
    IN_FLIGHT = "in_flight"
    """Somebody asked for the same thing, and it isn't done yet."""
    STALE = "stale"
    """The endpoint isn't in a state for it any more; its root is drawn anew."""
    OVERTAKEN = "overtaken"
    """There is a newer version than the one that an update was compared with."""
    NAME_TAKEN = "name_taken"
    """Another deployment of the project has the name that an update gives."""
    GONE = "gone"
    """There is no such endpoint here, or nobody watches it from here any more."""


@dataclass(frozen=True, slots=True)
class AskedFor:
    """The answer to a wish to do something with an endpoint.

    Attributes:
        by: Who asked for the same thing before, with `IN_FLIGHT`; '' if no person did. Who made
            the newer version, with `OVERTAKEN`; '' if it wasn't made here.
        status: What the endpoint is doing, with `STALE`.
    """

    outcome: OperationOutcome
    by: str = ""
    status: str | None = None


class Operations(Wishes):
    """Writes what people want done, in one transaction each."""

    async def ask(
        self,
        place: Place,
        person: Person,
        public_id: str,
        kind: OperationKind,
        request_id: str,
        *,
        message_ts: str = "",
        update: Update | None = None,
        detail: str = "",
    ) -> AskedFor:
        """Write down a wish of a person who may have it.

        Args:
            place: Where the deployment belongs.
            person: Who asks.
            public_id: The deployment.
            kind: What is to be done.
            request_id: Of the click: the same one is accepted once.
            message_ts: Of the message whose button was used.
            update: What an update changes; only with that kind, and always with it.
            detail: What changes, as mrkdwn, for the thread and the audit.
        """
        try:
            async with self._database.write() as session:
                known = await session.scalar(
                    select(Operation.id).where(Operation.request_id == request_id)
                )
                if known is not None:
                    return AskedFor(OperationOutcome.REPEATED)
                deployment = await hold_deployment(session, place, public_id)
                if deployment is None or deployment.step != Step.LIVE:
                    return AskedFor(OperationOutcome.GONE)
                under_way = await unfinished(session, deployment.id, kind)
                if under_way is not None and _is_scheduled_proposal(under_way):
                    # What somebody does by hand needs no yes, so nobody has to give one any more.
                    under_way.state = OperationState.REFUSED
                    under_way.finished_at = await session.scalar(select(now()))
                    await session.flush()
                    under_way = None
                if under_way is not None:
                    return AskedFor(OperationOutcome.IN_FLIGHT, by=under_way.asked_by)
                if not fits(kind, deployment.status):
                    await tell(
                        session, deployment, await facts_of(session, deployment, self._settings)
                    )
                    asked = AskedFor(OperationOutcome.STALE, status=deployment.status)
                elif update is not None and update.replaces != deployment.newest_version:
                    by = await _made_by(session, deployment)
                    asked = AskedFor(OperationOutcome.OVERTAKEN, by=by)
                elif update is not None and await is_name_taken(
                    session, deployment, update.after.name
                ):
                    asked = AskedFor(OperationOutcome.NAME_TAKEN)
                else:
                    await write_down(
                        session,
                        deployment,
                        self._settings,
                        kind,
                        by=person.id,
                        request_id=request_id,
                        update=update,
                        detail=detail,
                    )
                    audit.write_about(
                        session,
                        deployment,
                        person.id,
                        f"endpoint:{kind}",
                        detail=unescape(detail),
                        message_ts=message_ts,
                    )
                    asked = AskedFor(OperationOutcome.ACCEPTED)
        except IntegrityError:
            # The unique keys decide between two that come at once.
            return AskedFor(OperationOutcome.IN_FLIGHT)
        self._nudges.submitter()
        self._nudges.sender()
        return asked


async def unfinished(
    session: AsyncSession, deployment_id: int, kind: OperationKind
) -> Operation | None:
    """The operation of a kind that a deployment waits for; None if it waits for none."""
    return await session.scalar(
        select(Operation).where(
            Operation.deployment_id == deployment_id,
            Operation.kind == kind,
            Operation.state.in_(UNFINISHED),
        )
    )


async def write_down(
    session: AsyncSession,
    deployment: Deployment,
    settings: Settings,
    kind: OperationKind,
    *,
    by: str,
    cause: Cause = Cause.PERSON,
    request_id: str | None = None,
    update: Update | None = None,
    detail: str = "",
    quietly: bool = False,
) -> Operation:
    """Write an operation down, tell the thread, and have it carried out.

    It is told here and not when it is carried out, so that the wish stands before its effect.

    Args:
        session: In a writing transaction.
        deployment: A live one.
        settings: The bot's.
        kind: What is to be done.
        by: The person, also whose schedule it is; '' if no person caused it.
        cause: Why.
        request_id: Of the click; without one, the operation is unique by itself.
        update: What an update changes. If the endpoint costs more at full scale once it is done,
            the target may want it approved first; and so it may what a schedule wakes.
        detail: The same as mrkdwn, for the thread.
        quietly: The thread was told before, and sees what comes of it.
    """
    operation = await _insert(session, deployment, kind, by, cause, request_id, update)
    log_committed(session, log, "accepted", operation=kind, cause=cause)
    policy = await policy_of(session, deployment)
    proposal = None
    dollars = update.dollars_if_more if update is not None else None
    waits = dollars is not None and policy.asks_for_approval(dollars)
    if cause is Cause.SCHEDULE and kind is OperationKind.WAKE:
        dollars = (await facts_of(session, deployment, settings)).setup.price_at_most
        waits = policy.asks_for_approval(dollars)
    said = replies.operation_asked(kind, cause, by, detail, waits=waits)
    if waits:
        operation.state = OperationState.PROPOSED
        operation.expires_at = operation.asked_at + timedelta(hours=policy.approval_hours)
        await session.flush()
        who = await approvers(session, deployment)
        proposal = Proposal(operation.public_id, who, operation.expires_at, dollars)
    facts = await facts_of(session, deployment, settings)
    if proposal is not None:
        said = proposed(facts, said.body.text, proposal)
    await tell(session, deployment, facts, *([] if quietly else [said]))
    return operation


def _is_scheduled_proposal(operation: Operation) -> bool:
    return operation.state is OperationState.PROPOSED and operation.cause is Cause.SCHEDULE


async def _made_by(session: AsyncSession, deployment: Deployment) -> str:
    """Who asked for the version that runs; '' if nobody here did."""
    by = await session.scalar(
        select(Operation.asked_by)
        .where(
            Operation.deployment_id == deployment.id,
            Operation.version == deployment.newest_version,
        )
        .limit(1)
    )
    return by or ""


async def stop_if_asked(session: AsyncSession, deployment: Deployment) -> None:
    """Terminate an endpoint that was cancelled before it was known. The thread was told then."""
    if deployment.stop_asked_by is None or deployment.stop_done:
        return
    deployment.stop_done = True
    await _insert(
        session,
        deployment,
        OperationKind.TERMINATE,
        deployment.stop_asked_by,
        Cause.PERSON,
        f"stop {deployment.public_id}",
    )


async def _insert(
    session: AsyncSession,
    deployment: Deployment,
    kind: OperationKind,
    by: str,
    cause: Cause,
    request_id: str | None,
    update: Update | None = None,
) -> Operation:
    operation = Operation(
        request_id=request_id or uuid.uuid4().hex,
        public_id=uuid.uuid4().hex,
        deployment_id=deployment.id,
        kind=kind,
        state=OperationState.ASKED,
        cause=cause,
        asked_by=by,
        asked_at=now(),
        request=update.to_row() if update is not None else None,
    )
    session.add(operation)
    await session.flush()
    await session.refresh(operation)
    await wake(session, Deployment, deployment.id)
    return operation
