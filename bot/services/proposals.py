"""A proposal: a deployment or an operation that waits for approval."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.actors import ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import OperationView
from bot.domain.operations import Mechanism, OperationKind, OperationState
from bot.domain.statuses import AT_REST
from bot.messages.buttons import NO_OPERATION, UNKNOWN_PRICE
from bot.services import audit
from bot.services.deployment_views import operation_view
from bot.services.lifetime import is_ending
from bot.services.lookup import find_deployment, find_target, lock_deployment
from bot.services.terms import Terms


class ProposalStatus(StrEnum):
    """State of a proposal."""

    DECIDED = "decided"
    OWN = "own"
    """Open, but the requester may not approve it."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    GONE = "gone"
    """Its target or its endpoint is gone."""
    REPRICED = "repriced"
    """Open, but it costs more now than the message with the button showed."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Decision:
    """Result of a decision.

    Attributes:
        by: Who approved or rejected it, if a person did.
        approvers: Who may approve it, as mrkdwn, with `OWN`.
    """

    status: ProposalStatus
    by: str = ""
    approvers: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal, whether open or not.

    Attributes:
        operation: None if it is the deployment itself.
        shown: The terms in the message whose button was used; None if an older version rendered it.
    """

    deployment: Deployment
    operation: Operation | None
    present: datetime
    shown: Terms | None = None

    @property
    def requested_by(self) -> str:
        return self.operation.requested_by if self.operation else self.deployment.requester_id

    @property
    def act(self) -> OperationView | None:
        return operation_view(self.operation) if self.operation else None


async def find(
    session: AsyncSession, place: ChannelRef, value: str, *, lock: bool = True
) -> Proposal | None:
    """The proposal that a button names, with the deployment locked."""
    public_id, operation_id, price = [*value.split(" "), "", "", ""][:3]
    look_up = lock_deployment if lock else find_deployment
    deployment = await look_up(session, place, public_id)
    if deployment is None:
        return None
    operation = None
    if operation_id not in ("", NO_OPERATION):
        operation = await session.scalar(
            select(Operation).where(
                Operation.public_id == operation_id, Operation.deployment_id == deployment.id
            )
        )
        if operation is None:
            return None
    present: datetime = (await session.execute(select(now()))).scalar_one()
    shown = Terms(dollars=None if price == UNKNOWN_PRICE else Decimal(price)) if price else None
    return Proposal(deployment, operation, present, shown)


async def decision_on(session: AsyncSession, found: Proposal | None, place: ChannelRef) -> Decision:
    """The state before anything is decided."""
    if found is None:
        return Decision(ProposalStatus.GONE)
    deployment, operation = found.deployment, found.operation
    approved_by = operation.decided_by if operation else deployment.approved_by
    is_open = deployment.state is DeploymentState.PROPOSED
    is_rejected = deployment.state in (DeploymentState.REJECTED, DeploymentState.CANCELLED)
    rejected_by, expires_at = deployment.rejected_by, deployment.expires_at
    if operation is not None:
        is_open = operation.state is OperationState.PROPOSED
        is_rejected = operation.state is OperationState.REJECTED
        rejected_by, expires_at = operation.decided_by, operation.expires_at
    if approved_by and not is_open and not (operation and is_rejected):
        return Decision(ProposalStatus.APPROVED, by=approved_by)
    target = await find_target(session, place, deployment.target_name)
    if target is None or (operation is not None and deployment.state is not DeploymentState.LIVE):
        return Decision(ProposalStatus.GONE)
    if is_open and operation is not None:
        is_open = await _makes_sense(session, deployment, operation)
    if is_open:
        is_late = expires_at is not None and expires_at <= found.present
        return Decision(ProposalStatus.EXPIRED if is_late else ProposalStatus.OPEN)
    if not is_rejected:
        return Decision(ProposalStatus.GONE)
    if rejected_by is None:
        return Decision(ProposalStatus.EXPIRED)
    if rejected_by == found.requested_by:
        return Decision(ProposalStatus.WITHDRAWN)
    return Decision(ProposalStatus.REJECTED, by=rejected_by)


async def _makes_sense(session: AsyncSession, deployment: Deployment, operation: Operation) -> bool:
    """Whether it is still to be done."""
    match operation.kind.facts.mechanism:
        case Mechanism.VERSION:
            # A newer version is detected when the update is sent.
            return True
        case Mechanism.REQUEST:
            return operation.kind.fits(deployment.status)
        case Mechanism.LIFETIME:
            fits = operation.kind.fits(deployment.status)
            return fits and await _end_moves(session, deployment, operation)
        case _ as unknown:
            assert_never(unknown)


async def _end_moves(session: AsyncSession, deployment: Deployment, operation: Operation) -> bool:
    if await is_ending(session, deployment):
        return False
    if operation.kind is OperationKind.KEEP:
        return deployment.lifetime_seconds is not None
    until, ends_at = Terms.stored(operation.terms).until, deployment.lifetime_ends_at
    if until is None or deployment.lifetime_seconds is None:
        return False
    return deployment.status not in AT_REST if ends_at is None else ends_at < until


def end(found: Proposal, *, rejected_by: str | None) -> None:
    """Record that it isn't done; `rejected_by` is None if it expired."""
    if found.operation is not None:
        found.operation.state = OperationState.REJECTED
        found.operation.decided_by = rejected_by
        found.operation.finished_at = found.present
        return
    found.deployment.state = DeploymentState.REJECTED
    found.deployment.rejected_by = rejected_by
    found.deployment.decided_at = found.present


def write_audit(
    session: AsyncSession,
    found: Proposal,
    person_id: str,
    verb: str,
    *,
    effect: Effect = Effect.DONE,
    detail: str = "",
    message_ts: str = "",
) -> None:
    """Record the outcome, in the transaction that decides it."""
    about = found.operation.kind.value if found.operation else ""
    audit.write_about(
        session,
        found.deployment,
        person_id,
        f"deployment:{verb}",
        effect,
        detail=": ".join(filter(None, (about, detail))),
        message_ts=message_ts,
    )
