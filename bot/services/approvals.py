"""Approve, reject or withdraw a proposal.

The deployment's row is locked, so of two decisions at once the second finds the first.
"""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import LIFETIME_KINDS, OperationKind, OperationState
from bot.domain.policy import Approval
from bot.messages import approvals as words
from bot.messages import lifetime_replies, replies
from bot.messages.reply import Reply
from bot.services.deployment_views import approvers
from bot.services.lifetime import extend_to, remove_end
from bot.services.lookup import policy_of
from bot.services.operations import proposal_of
from bot.services.proposals import (
    Decision,
    Proposal,
    ProposalStatus,
    decision_on,
    end,
    find,
    write_audit,
)
from bot.services.terms import Terms, exceeds, full_scale_price, present_price
from bot.services.thread import AnyReply, post
from bot.services.version_history import version_of


class Approvals:
    """Records decisions, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def approve(
        self, place: ChannelRef, person: Actor, value: str, *, message_ts: str = ""
    ) -> Decision:
        """Approve a proposal; `value` of the button names it and the price that was shown."""
        async with self._database.write() as session:
            found = await find(session, place, value)
            decision = await decision_on(session, found, place)
            if found is None or decision.status is not ProposalStatus.OPEN:
                return decision
            policy = await policy_of(session, found.deployment)
            is_own = person.id == found.requested_by and not policy.requester_may_approve
            if is_own and policy.approval is not Approval.NEVER:
                named = await approvers(session, found.deployment)
                write_audit(
                    session,
                    found,
                    person.id,
                    "approve",
                    effect=Effect.DENIED,
                    detail="one's own request",
                    message_ts=message_ts,
                )
                return Decision(ProposalStatus.OWN, approvers=named)
            if await self._reprice(session, found):
                decision = Decision(ProposalStatus.REPRICED)
            else:
                await self._approve(session, found, person.id, message_ts)
                decision = Decision(ProposalStatus.DECIDED)
            if found.operation is not None or found.deployment.thread_ts is not None:
                # Otherwise it is made due once its status message is posted.
                await make_due(session, Deployment, found.deployment.id)
        return decision

    async def _reprice(self, session: AsyncSession, found: Proposal) -> bool:
        """Show the present price if it exceeds the shown one. Returns whether it does."""
        deployment, operation, prices = found.deployment, found.operation, self._settings.prices
        if operation is None:
            dollars = full_scale_price(deployment, prices)
        else:
            dollars = present_price(deployment, operation, prices)
        if found.shown is not None and not exceeds(dollars, found.shown.dollars):
            return False
        if operation is None:
            each = version_of(deployment).cost(prices).each
            deployment.price_per_hour = "" if each is None else str(each)
            await post(session, deployment, self._settings, words.deployment_repriced)
            return True
        terms = Terms.stored(operation.terms)
        operation.terms = terms.model_copy(update={"dollars": dollars}).to_row()
        asked = replies.operation_asked(operation.kind, operation.cause, operation.requested_by)
        proposal = await proposal_of(session, deployment, operation)
        text = words.repriced(asked.body.text)
        await post(
            session,
            deployment,
            self._settings,
            lambda view: words.proposed(view, text, proposal),
        )
        return True

    async def _approve(
        self, session: AsyncSession, found: Proposal, person_id: str, message_ts: str
    ) -> None:
        deployment, operation = found.deployment, found.operation
        if operation is None:
            deployment.state = DeploymentState.REQUESTED
            deployment.approved_by = person_id
            deployment.decided_at = found.present
        else:
            operation.decided_by = person_id
            operation.state = OperationState.REQUESTED
            if found.shown is not None:
                agreed = {"dollars": found.shown.dollars}
                terms = Terms.stored(operation.terms).model_copy(update=agreed)
                operation.terms = terms.to_row()
            if operation.kind in LIFETIME_KINDS:
                _change_end(deployment, operation)
                operation.state = OperationState.DONE
                operation.finished_at = found.present
        reply = words.approved(person_id, found.act)
        await self._close(session, found, person_id, "approve", reply, message_ts)

    async def reject(
        self, place: ChannelRef, person: Actor, value: str, reason: str, *, message_ts: str = ""
    ) -> Decision:
        async with self._database.write() as session:
            found = await find(session, place, value)
            decision = await decision_on(session, found, place)
            if found is None or decision.status is not ProposalStatus.OPEN:
                return decision
            end(found, rejected_by=person.id)
            await self._close(
                session,
                found,
                person.id,
                "reject",
                words.rejected(person.id, reason, found.act),
                message_ts,
                detail=reason,
            )
        return Decision(ProposalStatus.DECIDED)

    async def withdraw(
        self, place: ChannelRef, person: Actor, value: str, *, message_ts: str = ""
    ) -> Decision:
        async with self._database.write() as session:
            found = await find(session, place, value)
            decision = await decision_on(session, found, place)
            if found is None or decision.status is not ProposalStatus.OPEN:
                return decision
            end(found, rejected_by=found.requested_by)
            if found.operation is None:
                found.deployment.state = DeploymentState.CANCELLED
            reply = words.withdrawn(person.id, found.act)
            await self._close(session, found, person.id, "withdraw", reply, message_ts)
        return Decision(ProposalStatus.DECIDED)

    async def requested_by(self, place: ChannelRef, value: str) -> str | None:
        """Who requested what is proposed; None if there is no such proposal."""
        async with self._database.read() as session:
            found = await find(session, place, value, lock=False)
            return found.requested_by if found is not None else None

    async def status_of(self, place: ChannelRef, value: str) -> Decision:
        async with self._database.read() as session:
            found = await find(session, place, value, lock=False)
            return await decision_on(session, found, place)

    async def _close(
        self,
        session: AsyncSession,
        found: Proposal,
        person_id: str,
        verb: str,
        reply: AnyReply,
        message_ts: str,
        *,
        detail: str = "",
    ) -> None:
        posted = [reply]
        if found.operation is not None and found.operation.state is OperationState.DONE:
            posted.append(partial(_end_changed, found.operation))
        await post(session, found.deployment, self._settings, *posted)
        write_audit(session, found, person_id, verb, detail=detail, message_ts=message_ts)


def _change_end(deployment: Deployment, operation: Operation) -> None:
    until = Terms.stored(operation.terms).until
    if operation.kind is OperationKind.KEEP:
        remove_end(deployment)
    elif until is not None:
        extend_to(deployment, until)


def _end_changed(operation: Operation, deployment_view: DeploymentView) -> Reply:
    if operation.kind is OperationKind.KEEP:
        return lifetime_replies.kept(deployment_view, operation.requested_by)
    seconds = Terms.stored(operation.terms).seconds or 0
    return lifetime_replies.extended(deployment_view, operation.requested_by, seconds)
