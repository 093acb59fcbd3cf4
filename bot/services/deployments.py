"""Create and cancel deployments, as people request."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import and_, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.base import table_of
from bot.db.clock import after_parameter, now
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment, Target, WatchedProject
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.model_facts import ModelFacts
from bot.domain.policy import Policy
from bot.domain.price_limit import must_confirm
from bot.domain.process import correlation
from bot.domain.request.deploy_request import DeployRequest
from bot.messages import replies
from bot.services import audit, outbox
from bot.services.deployment_views import view_of
from bot.services.lookup import find_deployment, find_target, lock_deployment
from bot.services.repeated_commands import is_first
from bot.services.thread import open_thread, post
from bot.services.version_history import version_of

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class DeployOutcome(StrEnum):
    """Outcome of a request to deploy."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    SAME_LINE = "same_line"
    """The person sent the same line less than a minute ago."""
    NAME_TAKEN = "name_taken"
    """A deployment of this name may still have, or get, an endpoint in the project."""
    TARGET_GONE = "target_gone"
    UNCONFIRMED = "unconfirmed"
    """Its price is above the limit, and the person hasn't agreed to it."""


@dataclass(frozen=True, slots=True)
class DeployResult:
    """Result of a request to deploy.

    Attributes:
        thread_ts: The thread of the repeated deployment, once it is posted.
        waits_as: The public id of the deployment, if it waits for approval.
        dollars: Per hour at full scale, if the price has to be agreed to.
    """

    outcome: DeployOutcome
    thread_ts: str | None = None
    waits_as: str = ""
    dollars: Decimal = Decimal(0)

    @property
    def waits(self) -> bool:
        return bool(self.waits_as)


class _SameLineError(Exception):
    """Rolls back a deployment whose command line was sent just before."""


class Deployments:
    """Records requests, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def deploy(
        self,
        place: ChannelRef,
        person: Actor,
        request: DeployRequest,
        request_id: str,
        *,
        message_ts: str = "",
        line: str | None = None,
        repairs: str = "",
        facts: ModelFacts | None = None,
        agreed: Decimal | None = None,
    ) -> DeployResult:
        """Create a deployment.

        Args:
            request_id: Of the form or the command: accepted once.
            repairs: The public id of a failed deployment; its thread gets the list of changes.
            facts: Of the model, as checked for this request.
            line: The command line, if it deploys without another question.
            agreed: Dollars per hour that the person saw in words and agreed to.
        """
        dollars = request.price_at_full_scale(self._settings.prices)
        if dollars is not None and must_confirm(
            dollars, agreed, self._settings.confirm_price_above
        ):
            return DeployResult(DeployOutcome.UNCONFIRMED, dollars=dollars)

        async def insert(session: AsyncSession) -> str | None:
            destination = await _destination(session, place, request.target)
            if destination is None:
                return None
            waits_as = await self._insert(
                session, place, person, request, request_id, destination, message_ts, repairs, facts
            )
            if line is not None:
                await _refuse_repeat(session, place, person, line)
            return waits_as

        try:
            waits_as = await self._database.transact(insert)
        except _SameLineError:
            # Of one command that is delivered twice at once, the line is the same too.
            return await self._repeated(request_id) or DeployResult(DeployOutcome.SAME_LINE)
        except IntegrityError:
            # Two at once.
            return await self._repeated(request_id) or DeployResult(DeployOutcome.NAME_TAKEN)
        if waits_as is None:
            return await self._repeated(request_id) or DeployResult(DeployOutcome.TARGET_GONE)
        return DeployResult(DeployOutcome.ACCEPTED, waits_as=waits_as)

    async def _repeated(self, request_id: str) -> DeployResult | None:
        async with self._database.read() as session:
            row = (
                await session.execute(
                    select(Deployment.thread_ts).where(Deployment.request_id == request_id)
                )
            ).first()
        return None if row is None else DeployResult(DeployOutcome.REPEATED, row[0])

    async def _insert(
        self,
        session: AsyncSession,
        place: ChannelRef,
        person: Actor,
        request: DeployRequest,
        request_id: str,
        destination: "_Destination",
        message_ts: str,
        repairs: str,
        facts: ModelFacts | None,
    ) -> str:
        policy = Policy.model_validate(destination.policy or {})
        waits = policy.asks_for_approval(request.price_at_full_scale(self._settings.prices))
        each = request.price_per_replica(self._settings.prices)
        inserted = await session.execute(
            _INSERT,
            {
                "request_id": request_id,
                "public_id": uuid.uuid4().hex,
                "channel_row_id": destination.channel_row_id,
                "enterprise_id": place.enterprise_id,
                "workspace_id": place.workspace_id,
                "channel_id": place.channel_id,
                "requester_id": person.id,
                "target_name": request.target,
                "watched_project_id": destination.watched_project_id,
                "api_base": destination.api_base,
                "friendli_project_id": destination.project_id,
                "friendli_team_id": destination.team_id,
                "name": request.name,
                "request": request.model_dump(mode="json", exclude_none=True),
                "lifetime_seconds": request.lifetime_seconds,
                "expiry_action": policy.expiry_action,
                "repairs": repairs or None,
                "model_facts": None if facts is None else facts.model_dump(mode="json"),
                "price_per_hour": "" if each is None else str(each),
                "state": DeploymentState.PROPOSED if waits else DeploymentState.REQUESTED,
                "approval_time": timedelta(hours=policy.approval_hours) if waits else None,
                # If the status message isn't in Slack by then, nothing is created.
                "time_to_create": timedelta(seconds=self._settings.create_give_up_after),
            },
        )
        deployment = Deployment(**inserted.one()._mapping)  # noqa: SLF001 - public, says SQLAlchemy
        correlation.bind(correlation.reference(), deployment=deployment.public_id)
        log_committed(session, log, "accepted", operation="deploy", waits=waits)
        await open_thread(session, deployment, self._settings, is_new=True)
        detail = f"{request.model} on {request.option.label}, {request.replicas_text}"
        await audit.insert_deploy(
            session,
            deployment,
            detail=f"{detail}; waits for approval" if waits else detail,
            message_ts=message_ts,
        )
        if repairs:
            await self._tell_repaired(session, place, person, repairs, deployment)
        return deployment.public_id if waits else ""

    async def _tell_repaired(
        self,
        session: AsyncSession,
        place: ChannelRef,
        person: Actor,
        failed_id: str,
        deployment: Deployment,
    ) -> None:
        failed = await lock_deployment(session, place, failed_id)
        correlation.bind(correlation.reference(), deployment=deployment.public_id)
        if failed is None or failed.spec is not None:
            return
        before, after = version_of(failed), version_of(deployment)
        said = replies.repaired(person.id, deployment.name, before, after)
        await post(session, failed, self._settings, said)

    async def view(self, deployment: Deployment) -> DeploymentView:
        async with self._database.read() as session:
            return await view_of(session, deployment, self._settings)

    async def find(self, place: ChannelRef, public_id: str) -> Deployment | None:
        """The deployment with a public id in this channel."""
        async with self._database.read() as session:
            return await find_deployment(session, place, public_id)


@dataclass(frozen=True, slots=True)
class _Destination:
    policy: Mapping[str, Any] | None
    watched_project_id: int
    api_base: str
    project_id: str
    team_id: str
    channel_row_id: int


async def _destination(
    session: AsyncSession, place: ChannelRef, target: str
) -> _Destination | None:
    """What the target and the outbox know of the channel; None if the target is gone."""
    found = await session.execute(_DESTINATION, {**asdict(place), "target": target})
    row = found.first()
    if row is None:
        if await find_target(session, place, target) is None:
            return None
        # The first request of a channel.
        await outbox.channel_row(
            session,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            address=place.channel_id,
        )
        found = await session.execute(_DESTINATION, {**asdict(place), "target": target})
        row = found.one()
    return _Destination(*row)


# Building a statement costs as much as running it, and the ORM as much again.
_DEPLOYMENTS = table_of(Deployment)
_INSERT = (
    insert(_DEPLOYMENTS)
    .values(
        requested_at=now(),
        due_at=after_parameter("time_to_create"),
        expires_at=after_parameter("approval_time"),
    )
    .returning(*_DEPLOYMENTS.c)
)
_TARGETS, _PROJECTS = table_of(Target), table_of(WatchedProject)
_WORKSPACES, _CHANNELS = table_of(Workspace), table_of(Channel)
_DESTINATION = (
    select(
        _TARGETS.c.policy,
        _PROJECTS.c.id,
        _PROJECTS.c.api_base,
        _PROJECTS.c.project_id,
        _PROJECTS.c.team_id,
        _CHANNELS.c.id,
    )
    .join(_PROJECTS, _PROJECTS.c.id == _TARGETS.c.watched_project_id)
    .join(
        _WORKSPACES,
        and_(
            _WORKSPACES.c.enterprise_id == _TARGETS.c.enterprise_id,
            _WORKSPACES.c.workspace_id == _TARGETS.c.workspace_id,
        ),
    )
    .join(
        _CHANNELS,
        and_(
            _CHANNELS.c.workspace_row_id == _WORKSPACES.c.id,
            _CHANNELS.c.address == _TARGETS.c.channel_id,
        ),
    )
    .where(
        _TARGETS.c.enterprise_id == bindparam("enterprise_id"),
        _TARGETS.c.workspace_id == bindparam("workspace_id"),
        _TARGETS.c.channel_id == bindparam("channel_id"),
        _TARGETS.c.name == bindparam("target"),
    )
    # Nobody may forget the channel as unused before what refers to it is written.
    .with_for_update(read=True, key_share=True, of=(_WORKSPACES, _CHANNELS))
)


async def _refuse_repeat(
    session: AsyncSession, place: ChannelRef, person: Actor, line: str
) -> None:
    # Last, so that a taken name is reported first.
    if not await is_first(session, place, person, line):
        raise _SameLineError
