"""Finds what waits for a person: approvals, lifetimes that end soon, failures and choices."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationState
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import AT_REST, GOING_DOWN
from bot.messages import waiting as words
from bot.messages.waiting import Waiting
from bot.services.deployment_views import operation_view, view_of
from bot.services.lifetime import notice
from bot.services.lookup import in_workspace, policy_of
from bot.services.operations import proposal_of

# Of each kind; a person who has more before them sees the next ones later.
_MOST_READ = 50
# An older failure waits for nobody.
_FAILED_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """Something that waits for a person, and where.

    Attributes:
        runs_on: Whether it is an endpoint that still runs, and ends soon.
    """

    waiting: Waiting
    place: ChannelRef
    thread_ts: str | None
    runs_on: bool = False


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A proposal that somebody may decide.

    Attributes:
        operation_id: None if it is the deployment itself.
        may_approve_own: Whether requesters may approve their own.
    """

    deployment_id: int
    operation_id: int | None
    place: ChannelRef
    target: str
    requested_by: str
    may_approve_own: bool


class WaitingItems:
    """Reads what waits for a person in a workspace."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def proposals(
        self, place: ChannelRef, channels: Collection[str]
    ) -> Sequence[OpenProposal]:
        """Those in some channels, soonest expiry first, without a check of who may decide."""
        async with self._database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
            deployments = await session.execute(
                select(Deployment, Deployment.requester_id, Deployment.expires_at).where(
                    *in_workspace(Deployment, place),
                    Deployment.state == DeploymentState.PROPOSED,
                    Deployment.expires_at > present,
                )
            )
            operations = await session.execute(
                select(Deployment, Operation.requested_by, Operation.expires_at, Operation.id)
                .join(Operation, Operation.deployment_id == Deployment.id)
                .where(
                    *in_workspace(Deployment, place),
                    Deployment.state == DeploymentState.LIVE,
                    Operation.state == OperationState.PROPOSED,
                    Operation.expires_at > present,
                )
            )
            found = [
                *((row, by, until, None) for row, by, until in deployments),
                *((row, by, until, id_) for row, by, until, id_ in operations),
            ]
            here = [one for one in found if one[0].channel_id in channels and one[2] is not None]
            here.sort(key=lambda one: (one[2], one[0].id))
            return [
                OpenProposal(
                    row.id,
                    operation_id,
                    _place(row),
                    row.target_name,
                    by,
                    (await policy_of(session, row)).requester_may_approve,
                )
                for row, by, _, operation_id in here[:_MOST_READ]
            ]

    async def of(
        self,
        place: ChannelRef,
        person_id: str,
        channels: Collection[str],
        decidable: Sequence[OpenProposal],
    ) -> Sequence[WaitingItem]:
        """What waits for a person, the most urgent first.

        Args:
            decidable: The proposals that the person may decide.
        """
        async with self._database.read() as session:
            present = (await session.execute(select(now()))).scalar_one()
            approvals = [await self._approval(session, one) for one in decidable]
            rows = await session.scalars(
                select(Deployment)
                .where(
                    *in_workspace(Deployment, place),
                    Deployment.requester_id == person_id,
                    Deployment.state.in_([DeploymentState.LIVE, DeploymentState.AMBIGUOUS]),
                )
                .order_by(Deployment.id.desc())
            )
            own = [row for row in rows if row.channel_id in channels]
            ending = sorted(
                (row for row in own if self._ends_soon(row, present)),
                key=lambda row: row.lifetime_ends_at or present,
            )
            unclear = [row for row in own if row.state is DeploymentState.AMBIGUOUS]
            failed = [row for row in own if row.status == Status.FAILED]
            items = [one for one in approvals if one is not None]
            for row in ending[:_MOST_READ]:
                waiting = words.ending(await view_of(session, row, self._settings))
                items.append(WaitingItem(waiting, _place(row), row.thread_ts, runs_on=True))
            for row in [*unclear, *failed][:_MOST_READ]:
                view = await view_of(session, row, self._settings)
                if _waits(view, present):
                    items.append(WaitingItem(words.own(view), _place(row), row.thread_ts))
        return items

    def _ends_soon(self, row: Deployment, present: datetime) -> bool:
        if row.lifetime_ends_at is None or row.lifetime_seconds is None:
            return False
        if row.state is not DeploymentState.LIVE or row.status in AT_REST | GOING_DOWN:
            return False
        return present >= row.lifetime_ends_at - notice(row.lifetime_seconds, self._settings)

    async def _approval(self, session: AsyncSession, one: OpenProposal) -> WaitingItem | None:
        row = await session.get(Deployment, one.deployment_id)
        if row is None:
            return None
        view = await view_of(session, row, self._settings)
        if one.operation_id is None:
            return WaitingItem(words.approval(view), one.place, row.thread_ts)
        operation = await session.get(Operation, one.operation_id)
        if operation is None or operation.state is not OperationState.PROPOSED:
            return None
        proposal = await proposal_of(session, row, operation)
        waiting = words.operation_approval(view, operation_view(operation), proposal)
        return WaitingItem(waiting, one.place, row.thread_ts)


def _waits(view: DeploymentView, present: datetime) -> bool:
    """Whether it wants a choice, or failed lately and nobody acts on it yet."""
    if view.state is DeploymentState.AMBIGUOUS:
        return True
    return view.under_way is None and present - view.history[-1].observed_at < _FAILED_WITHIN


def _place(row: Deployment) -> ChannelRef:
    return ChannelRef(row.enterprise_id, row.workspace_id, row.channel_id)
