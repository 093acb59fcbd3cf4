"""Somebody decides about a proposal: approves it, rejects it, or takes it back.

Whoever decides holds the deployment's row, so of two that decide at once one does, and the other
learns it.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.acts import Effect, OperationState
from bot.db.claims import wake
from bot.db.models import Deployment, Step
from bot.deployments.approving.proposals import (
    Proposal,
    Ruling,
    Standing,
    end,
    find,
    ruling_on,
    write_audit,
)
from bot.deployments.place import Person, Place
from bot.deployments.record import approvers, facts_of, policy_of, tell
from bot.deployments.targets.policy import Approval
from bot.deployments.wishes import Wishes
from bot.messages import approvals as words
from bot.messages.reply import Reply


class Approvals(Wishes):
    """Writes down what people decide about proposals, in one transaction each."""

    async def approve(
        self, place: Place, person: Person, value: str, *, message_ts: str = ""
    ) -> Ruling:
        """Let it be done.

        Args:
            place: Where the deployment belongs.
            person: Who may approve there.
            value: The deployment's public id, and the operation's if it is about one.
            message_ts: Of the message whose button was used.
        """
        async with self._database.write() as session:
            found = await find(session, place, value)
            ruling = await ruling_on(session, found, place)
            if found is None or ruling.standing is not Standing.OPEN:
                return ruling
            policy = await policy_of(session, found.deployment)
            is_own = person.id == found.asked_by and not policy.requester_may_approve
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
                return Ruling(Standing.OWN, approvers=named)
            if found.operation is not None:
                found.operation.state = OperationState.ASKED
                found.operation.decided_by = person.id
            else:
                found.deployment.step = Step.ASKED
                found.deployment.approved_by = person.id
                found.deployment.decided_at = found.present
            said = words.approved(person.id, found.act)
            await self._close(session, found, person.id, "approve", said, message_ts)
            if found.operation is not None or found.deployment.root_ts is not None:
                # Else its root wakes it, as it does for what needs no approval.
                await wake(session, Deployment, found.deployment.id)
        self._nudges.submitter()
        self._nudges.sender()
        return Ruling(Standing.DECIDED)

    async def reject(
        self, place: Place, person: Person, value: str, reason: str, *, message_ts: str = ""
    ) -> Ruling:
        """Let it not be done; arguments as for `approve`."""
        async with self._database.write() as session:
            found = await find(session, place, value)
            ruling = await ruling_on(session, found, place)
            if found is None or ruling.standing is not Standing.OPEN:
                return ruling
            end(found, rejected_by=person.id)
            await session.flush()
            facts = await facts_of(session, found.deployment, self._settings)
            said = words.rejected(facts, person.id, reason, found.act)
            await self._close(session, found, person.id, "reject", said, message_ts, detail=reason)
        self._nudges.sender()
        return Ruling(Standing.DECIDED)

    async def withdraw(
        self, place: Place, person: Person, value: str, *, message_ts: str = ""
    ) -> Ruling:
        """Take it back; arguments as for `approve`."""
        async with self._database.write() as session:
            found = await find(session, place, value)
            ruling = await ruling_on(session, found, place)
            if found is None or ruling.standing is not Standing.OPEN:
                return ruling
            end(found, rejected_by=found.asked_by)
            if found.operation is None:
                found.deployment.step = Step.CANCELLED
            said = words.withdrawn(person.id, found.act)
            await self._close(session, found, person.id, "withdraw", said, message_ts)
        self._nudges.sender()
        return Ruling(Standing.DECIDED)

    async def asked_by(self, place: Place, value: str) -> str | None:
        """Who asked for a proposal; None if there is none."""
        async with self._database.read() as session:
            found = await find(session, place, value, lock=False)
            return found.asked_by if found is not None else None

    async def standing(self, place: Place, value: str) -> Ruling:
        """How it stands with a proposal now."""
        async with self._database.read() as session:
            found = await find(session, place, value, lock=False)
            return await ruling_on(session, found, place)

    async def _close(
        self,
        session: AsyncSession,
        found: Proposal,
        person_id: str,
        verb: str,
        said: Reply,
        message_ts: str,
        *,
        detail: str = "",
    ) -> None:
        await session.flush()
        facts = await facts_of(session, found.deployment, self._settings)
        await tell(session, found.deployment, facts, said)
        write_audit(session, found, person_id, verb, detail=detail, message_ts=message_ts)
