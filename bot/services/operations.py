"""Request operations on endpoints; `bot.workers.operation_runner` carries them out."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.clock import now
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import UNFINISHED, Cause, Mechanism, OperationKind, OperationState
from bot.domain.price_limit import must_confirm
from bot.domain.text import unescape
from bot.domain.update import Update
from bot.messages import replies
from bot.messages.approvals import Proposal, proposed
from bot.services import audit
from bot.services.deployment_views import approvers
from bot.services.lookup import is_name_taken, lock_deployment, policy_of, target_of
from bot.services.terms import Terms, terms_of
from bot.services.thread import AnyReply, post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_WAITS = "waits for approval"


class OperationOutcome(StrEnum):
    """Outcome of a request for an operation."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    IN_FLIGHT = "in_flight"
    STALE = "stale"
    """The endpoint's status doesn't allow it any more; the status message is updated."""
    OVERTAKEN = "overtaken"
    """There is a newer version than the one that the update was compared with."""
    NAME_TAKEN = "name_taken"
    UNCONNECTED = "unconnected"
    UNCONFIRMED = "unconfirmed"
    """Its price is above the limit, and the person hasn't agreed to it."""
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class OperationResult:
    """Result of a request for an operation.

    `by` requested the unfinished operation or made the newer version; '' if no person did.
    `dollars` per hour have to be agreed to, with `UNCONFIRMED`.
    """

    outcome: OperationOutcome
    by: str = ""
    status: str | None = None
    waits: bool = False
    dollars: Decimal = Decimal(0)


class Operations:
    """Records requests, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def request(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        kind: OperationKind,
        request_id: str,
        *,
        message_ts: str = "",
        update: Update | None = None,
        detail: str = "",
        agreed: Decimal | None = None,
    ) -> OperationResult:
        """Request an operation for a person who has the permission.

        Args:
            request_id: Of the click: accepted once.
            update: With a kind that updates, and always with it.
            detail: What changes, as mrkdwn.
            agreed: Dollars per hour that the person saw in words and agreed to.
        """
        try:
            async with self._database.write() as session:
                known = await session.scalar(
                    select(Operation.id).where(Operation.request_id == request_id)
                )
                if known is not None:
                    return OperationResult(OperationOutcome.REPEATED)
                deployment = await lock_deployment(session, place, public_id)
                if deployment is None or deployment.state != DeploymentState.LIVE:
                    return OperationResult(OperationOutcome.GONE)
                terms = terms_of(deployment, kind, self._settings.prices, update)
                if terms is not None and await target_of(session, deployment) is None:
                    return OperationResult(OperationOutcome.UNCONNECTED)
                under_way = await blocking_operation(session, deployment, kind, terms)
                if under_way is not None:
                    return OperationResult(OperationOutcome.IN_FLIGHT, by=under_way.requested_by)
                if not kind.fits(deployment.status):
                    await post(session, deployment, self._settings)
                    result = OperationResult(OperationOutcome.STALE, status=deployment.status)
                elif update is not None and update.replaces != deployment.newest_version:
                    by = await _made_by(session, deployment)
                    result = OperationResult(OperationOutcome.OVERTAKEN, by=by)
                elif update is not None and await is_name_taken(
                    session, deployment, update.after.name
                ):
                    result = OperationResult(OperationOutcome.NAME_TAKEN)
                elif (
                    terms is not None
                    and terms.dollars is not None
                    and must_confirm(terms.dollars, agreed, self._settings.confirm_price_above)
                ):
                    result = OperationResult(OperationOutcome.UNCONFIRMED, dollars=terms.dollars)
                else:
                    operation = await request_operation(
                        session,
                        deployment,
                        self._settings,
                        kind,
                        by=person.id,
                        request_id=request_id,
                        update=update,
                        detail=detail,
                    )
                    waits = operation.state is OperationState.PROPOSED
                    changes = unescape(detail)
                    audit.write_about(
                        session,
                        deployment,
                        person.id,
                        kind.audit_action,
                        detail=f"{changes}\n{_WAITS}".strip() if waits else changes,
                        message_ts=message_ts,
                    )
                    result = OperationResult(OperationOutcome.ACCEPTED, waits=waits)
        except IntegrityError:
            # Two at once.
            return OperationResult(OperationOutcome.IN_FLIGHT)
        return result


async def unfinished_operation(
    session: AsyncSession, deployment_id: int, kind: OperationKind
) -> Operation | None:
    """The unfinished operation of a kind, if any."""
    return await session.scalar(
        select(Operation).where(
            Operation.deployment_id == deployment_id,
            Operation.kind == kind,
            Operation.state.in_(UNFINISHED),
        )
    )


async def blocking_operation(
    session: AsyncSession, deployment: Deployment, kind: OperationKind, terms: Terms | None
) -> Operation | None:
    """The unfinished operation because of which the same one can't be requested again.

    A proposal that needs no approval any more, since the policy changed, is dropped. An update
    isn't: the next one may change something else.
    """
    found = await unfinished_operation(session, deployment.id, kind)
    if found is None or found.state is not OperationState.PROPOSED:
        return found
    if kind.facts.mechanism is Mechanism.VERSION or await needs_approval(
        session, deployment, terms
    ):
        return found
    found.state = OperationState.REFUSED
    found.finished_at = await session.scalar(select(now()))
    await session.flush()
    return None


async def needs_approval(
    session: AsyncSession, deployment: Deployment, terms: Terms | None
) -> bool:
    if terms is None:
        return False
    return (await policy_of(session, deployment)).asks_for_approval(terms.dollars)


async def request_operation(
    session: AsyncSession,
    deployment: Deployment,
    settings: Settings,
    kind: OperationKind,
    *,
    by: str,
    cause: Cause = Cause.PERSON,
    request_id: str | None = None,
    update: Update | None = None,
    terms: Terms | None = None,
    detail: str = "",
    quietly: bool = False,
) -> Operation:
    """Add an operation, post it to the thread, and make the deployment due.

    It is posted now, so that the request stands in the thread before its effect.

    Args:
        by: '' if no person caused it.
        request_id: Of the click; without one, the operation is unique by itself.
        terms: Of an extension; for other kinds they are computed here.
        quietly: Don't post the request, only its outcome.
    """
    operation = await _insert(session, deployment, kind, by, cause, request_id, update)
    log_committed(session, log, "accepted", operation=kind, cause=cause)
    terms = terms or terms_of(deployment, kind, settings.prices, update)
    operation.terms = None if terms is None else terms.to_row()
    waits = await needs_approval(session, deployment, terms)
    if waits:
        policy = await policy_of(session, deployment)
        operation.state = OperationState.PROPOSED
        operation.expires_at = operation.requested_at + timedelta(hours=policy.approval_hours)
        is_lifetime = kind.facts.mechanism is Mechanism.LIFETIME
        if is_lifetime and deployment.lifetime_ends_at is not None:
            # After its end there is nothing to approve.
            operation.expires_at = min(operation.expires_at, deployment.lifetime_ends_at)
    await session.flush()
    asked = replies.operation_asked(kind, cause, by, detail, waits=waits)
    reply: AnyReply = asked
    if waits:
        proposal = await proposal_of(session, deployment, operation)
        reply = partial(proposed, asked=asked.body.text, proposal=proposal)
    await post(session, deployment, settings, *([] if quietly else [reply]))
    return operation


async def proposal_of(
    session: AsyncSession, deployment: Deployment, operation: Operation
) -> Proposal:
    terms = Terms.stored(operation.terms)
    return Proposal(
        public_id=operation.public_id,
        kind=operation.kind,
        approvers=await approvers(session, deployment),
        until=operation.expires_at or operation.requested_at,
        dollars=terms.dollars,
    )


async def _made_by(session: AsyncSession, deployment: Deployment) -> str:
    """Who requested the version that runs; '' if nobody here did."""
    by = await session.scalar(
        select(Operation.requested_by)
        .where(
            Operation.deployment_id == deployment.id,
            Operation.version == deployment.newest_version,
        )
        .limit(1)
    )
    return by or ""


async def terminate_if_cancelled(session: AsyncSession, deployment: Deployment) -> None:
    """Terminate an endpoint that was cancelled before it was known; the thread knows already."""
    if deployment.cancel_requested_by is None or deployment.cancel_done:
        return
    deployment.cancel_done = True
    await _insert(
        session,
        deployment,
        OperationKind.TERMINATE,
        deployment.cancel_requested_by,
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
        state=OperationState.REQUESTED,
        cause=cause,
        requested_by=by,
        requested_at=now(),
        request=update.to_row() if update is not None else None,
    )
    session.add(operation)
    await session.flush()
    await session.refresh(operation)
    await make_due(session, Deployment, deployment.id)
    return operation
