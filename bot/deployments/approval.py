"""What waits for somebody's yes: approved, rejected, withdrawn, or over because nobody decided.

A proposal is a deployment that isn't made yet, or an operation on one that is. Whoever decides
holds the deployment's row, so of two that decide at once one does, and the other learns it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.acts import Effect, Operation, OperationState
from bot.db.claims import Claim, finish, wake
from bot.db.clock import now
from bot.db.models import Channel, Deployment, Step
from bot.db.session import Database
from bot.deployments import audit, mail
from bot.deployments.lookup import find_deployment, find_target
from bot.deployments.place import Person, Place
from bot.deployments.policy import Approval
from bot.deployments.record import act_of, approvers, facts_of, policy_of, tell
from bot.messages import approvals as words
from bot.messages import undeliverable
from bot.messages.facts import Act
from bot.messages.reply import Reply

_NOW = timedelta(0)


class Standing(StrEnum):
    """How it stands with a proposal."""

    DECIDED = "decided"
    """As was just said."""
    OWN = "own"
    """Open; but nobody may approve what they asked for themselves."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    GONE = "gone"
    """Its target was disconnected, or the endpoint that it is about is gone."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The answer to somebody who decides.

    Attributes:
        by: Who approved or rejected it, as far as somebody did.
        approvers: Who may approve it, as mrkdwn, with `OWN`.
    """

    standing: Standing
    by: str = ""
    approvers: str = ""


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A row that waits, or waited.

    Attributes:
        operation: None if it is about the deployment itself.
    """

    deployment: Deployment
    operation: Operation | None
    present: datetime

    @property
    def asked_by(self) -> str:
        return self.operation.asked_by if self.operation else self.deployment.requester_id

    @property
    def act(self) -> Act | None:
        return act_of(self.operation) if self.operation else None


class Approvals:
    """Writes down what people decide about proposals, in one transaction each.

    Args:
        wake_submitter: Makes the submitter look at once.
        wake_sender: Makes the sender look at once.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        wake_submitter: Callable[[], None],
        wake_sender: Callable[[], None],
    ) -> None:
        self._database = database
        self._settings = settings
        self._wake_submitter = wake_submitter
        self._wake_sender = wake_sender

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
            found = await _find(session, place, value)
            ruling = await _ruling(session, found, place)
            if found is None or ruling.standing is not Standing.OPEN:
                return ruling
            policy = await policy_of(session, found.deployment)
            is_own = person.id == found.asked_by and not policy.requester_may_approve
            if is_own and policy.approval is not Approval.NEVER:
                named = await approvers(session, found.deployment)
                _audit(
                    session,
                    found,
                    place,
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
            await self._close(session, found, place, person.id, "approve", said, message_ts)
            if found.operation is not None or found.deployment.root_ts is not None:
                # Else its root wakes it, as it does for what needs no approval.
                await wake(session, Deployment, found.deployment.id)
        self._wake_submitter()
        self._wake_sender()
        return Ruling(Standing.DECIDED)

    async def reject(
        self, place: Place, person: Person, value: str, reason: str, *, message_ts: str = ""
    ) -> Ruling:
        """Let it not be done; arguments as for `approve`."""
        async with self._database.write() as session:
            found = await _find(session, place, value)
            ruling = await _ruling(session, found, place)
            if found is None or ruling.standing is not Standing.OPEN:
                return ruling
            _end(found, rejected_by=person.id)
            await session.flush()
            facts = await facts_of(session, found.deployment, self._settings)
            said = words.rejected(facts, person.id, reason, found.act)
            await self._close(
                session, found, place, person.id, "reject", said, message_ts, detail=reason
            )
        self._wake_sender()
        return Ruling(Standing.DECIDED)

    async def withdraw(
        self, place: Place, person: Person, value: str, *, message_ts: str = ""
    ) -> Ruling:
        """Take it back; arguments as for `approve`."""
        async with self._database.write() as session:
            found = await _find(session, place, value)
            ruling = await _ruling(session, found, place)
            if found is None or ruling.standing is not Standing.OPEN:
                return ruling
            _end(found, rejected_by=found.asked_by)
            if found.operation is None:
                found.deployment.step = Step.CANCELLED
            said = words.withdrawn(person.id, found.act)
            await self._close(session, found, place, person.id, "withdraw", said, message_ts)
        self._wake_sender()
        return Ruling(Standing.DECIDED)

    async def asked_by(self, place: Place, value: str) -> str | None:
        """Who asked for a proposal; None if there is none."""
        async with self._database.read() as session:
            found = await _find(session, place, value, lock=False)
            return found.asked_by if found is not None else None

    async def standing(self, place: Place, value: str) -> Ruling:
        """How it stands with a proposal now."""
        async with self._database.read() as session:
            found = await _find(session, place, value, lock=False)
            return await _ruling(session, found, place)

    async def _close(
        self,
        session: AsyncSession,
        found: _Proposal,
        place: Place,
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
        _audit(session, found, place, person_id, verb, detail=detail, message_ts=message_ts)


async def expire(session: AsyncSession, held: Claim, settings: Settings) -> None:
    """End a claimed deployment that waits for approval, if its time is over."""
    row = await session.get_one(Deployment, held.id, with_for_update={"key_share": True})
    present: datetime = (await session.execute(select(now()))).scalar_one()
    if row.step is not Step.PROPOSED or row.expires_at is None:
        await finish(session, Deployment, held, due=_NOW)
        return
    if present < row.expires_at:
        await finish(session, Deployment, held, due=row.expires_at - present)
        return
    if not await finish(session, Deployment, held, due=None, step=Step.REJECTED):
        return
    row = await session.get_one(Deployment, held.id, populate_existing=True)
    facts = await facts_of(session, row, settings)
    waited = (row.expires_at or present) - row.asked_at
    await tell(session, row, facts, words.expired(facts, waited.total_seconds()))
    found = _Proposal(row, None, present)
    _audit(session, found, _place(row), "", "expire")
    await _tell_who_asked(session, row)


async def expire_operations(
    session: AsyncSession, deployment: Deployment, present: datetime, settings: Settings
) -> datetime | None:
    """End operations that nobody approved in time; the chore of live deployments."""
    waiting = await _waiting(session, deployment.id)
    left = [one.expires_at for one in waiting if one.expires_at and one.expires_at > present]
    for operation in waiting:
        if operation.expires_at is not None and operation.expires_at > present:
            continue
        found = _Proposal(deployment, operation, present)
        _end(found, rejected_by=None)
        await session.flush()
        facts = await facts_of(session, deployment, settings)
        waited = ((operation.expires_at or present) - operation.asked_at).total_seconds()
        await tell(session, deployment, facts, words.expired(facts, waited, found.act))
        _audit(session, found, _place(deployment), "", "expire")
    return min(left, default=None)


async def drop_operations(session: AsyncSession, deployment_id: int) -> None:
    """End what still waits about an endpoint that is over; its thread has said that it is."""
    present: datetime = (await session.execute(select(now()))).scalar_one()
    for operation in await _waiting(session, deployment_id):
        operation.state = OperationState.REJECTED
        operation.finished_at = present


async def end_proposals(
    session: AsyncSession,
    place: Place,
    target: str,
    person: Person,
    settings: Settings,
    *,
    leads_elsewhere: bool = False,
) -> None:
    """End what waits on a target that is disconnected, or leads elsewhere from now on."""
    present: datetime = (await session.execute(select(now()))).scalar_one()
    rows = await session.scalars(
        select(Deployment)
        .where(
            Deployment.enterprise_id == place.enterprise_id,
            Deployment.workspace_id == place.workspace_id,
            Deployment.channel_id == place.channel_id,
            Deployment.target_name == target,
            Deployment.step.in_([Step.PROPOSED, Step.LIVE]),
        )
        .order_by(Deployment.id)
        .with_for_update(key_share=True)
    )
    for deployment in rows.all():
        waiting = [
            _Proposal(deployment, operation, present)
            for operation in await _waiting(session, deployment.id)
        ]
        if deployment.step is Step.PROPOSED:
            waiting.append(_Proposal(deployment, None, present))
        for found in waiting:
            _end(found, rejected_by=person.id)
            if found.operation is None:
                deployment.step = Step.CANCELLED
            await session.flush()
            facts = await facts_of(session, deployment, settings)
            said = words.target_gone(facts, person.id, found.act, leads_elsewhere=leads_elsewhere)
            await tell(session, deployment, facts, said)
            _audit(session, found, place, person.id, "end")


async def _find(
    session: AsyncSession, place: Place, value: str, *, lock: bool = True
) -> _Proposal | None:
    """The rows that a button names; the deployment's held until the transaction ends."""
    public_id, _, operation_id = value.partition(" ")
    found = await find_deployment(session, place, public_id)
    if found is None:
        return None
    deployment = found
    if lock:
        # As it is once whoever else holds it has let go.
        await session.refresh(deployment, with_for_update={"key_share": True})
    operation = None
    if operation_id:
        operation = await session.scalar(
            select(Operation).where(
                Operation.public_id == operation_id, Operation.deployment_id == deployment.id
            )
        )
        if operation is None:
            return None
    present: datetime = (await session.execute(select(now()))).scalar_one()
    return _Proposal(deployment, operation, present)


async def _ruling(session: AsyncSession, found: _Proposal | None, place: Place) -> Ruling:
    """How it stands, before anything is decided."""
    if found is None:
        return Ruling(Standing.GONE)
    deployment, operation = found.deployment, found.operation
    approved_by = operation.decided_by if operation else deployment.approved_by
    is_open = deployment.step is Step.PROPOSED
    is_rejected = deployment.step in (Step.REJECTED, Step.CANCELLED)
    rejected_by, expires_at = deployment.rejected_by, deployment.expires_at
    if operation is not None:
        is_open = operation.state is OperationState.PROPOSED
        is_rejected = operation.state is OperationState.REJECTED
        rejected_by, expires_at = operation.decided_by, operation.expires_at
    if approved_by and not is_open and not (operation and is_rejected):
        return Ruling(Standing.APPROVED, by=approved_by)
    target = await find_target(session, place, deployment.target_name)
    if target is None or (operation is not None and deployment.step is not Step.LIVE):
        return Ruling(Standing.GONE)
    if is_open:
        is_late = expires_at is not None and expires_at <= found.present
        return Ruling(Standing.EXPIRED if is_late else Standing.OPEN)
    if not is_rejected:
        return Ruling(Standing.GONE)
    if rejected_by is None:
        return Ruling(Standing.EXPIRED)
    if rejected_by == found.asked_by:
        return Ruling(Standing.WITHDRAWN)
    return Ruling(Standing.REJECTED, by=rejected_by)


def _end(found: _Proposal, *, rejected_by: str | None) -> None:
    if found.operation is not None:
        found.operation.state = OperationState.REJECTED
        found.operation.decided_by = rejected_by
        found.operation.finished_at = found.present
        return
    found.deployment.step = Step.REJECTED
    found.deployment.rejected_by = rejected_by
    found.deployment.decided_at = found.present


async def _waiting(session: AsyncSession, deployment_id: int) -> list[Operation]:
    rows = await session.scalars(
        select(Operation)
        .where(Operation.deployment_id == deployment_id, Operation.state == OperationState.PROPOSED)
        .order_by(Operation.id)
    )
    return list(rows)


async def _tell_who_asked(session: AsyncSession, deployment: Deployment) -> None:
    """Directly, while the thread can't be written to."""
    channel = await session.get_one(Channel, deployment.channel_row_id)
    if channel.stopped_reason is None:
        return
    said = undeliverable.nothing_made(
        deployment.name, deployment.channel_id, channel.stopped_reason
    )
    await mail.send_direct(session, channel.workspace_row_id, deployment.requester_id, said)


def _audit(
    session: AsyncSession,
    found: _Proposal,
    place: Place,
    person_id: str,
    verb: str,
    *,
    effect: Effect = Effect.DONE,
    detail: str = "",
    message_ts: str = "",
) -> None:
    about = found.operation.kind.value if found.operation else ""
    audit.write(
        session,
        place,
        person_id,
        f"deployment:{verb}",
        effect,
        target=found.deployment.target_name,
        endpoint=found.deployment.name,
        detail=": ".join(filter(None, (about, detail))),
        message_ts=message_ts,
    )


def _place(row: Deployment) -> Place:
    return Place(row.enterprise_id, row.workspace_id, row.channel_id)
