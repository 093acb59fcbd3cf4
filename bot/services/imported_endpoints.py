"""Follow endpoints that were created elsewhere, each in a thread of its own."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Target, WatchedProject
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import CLOSED, DeploymentState
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.permissions import Permission
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.transitions import ObservedTransition, observe
from bot.messages import replies
from bot.services import audit, outbox
from bot.services.lookup import find_target, lock_deployment
from bot.services.thread import add_transition, open_thread, post


class ImportOutcome(StrEnum):
    """Outcome of a request to follow or to unfollow."""

    ACCEPTED = "accepted"
    KNOWN = "known"
    """It is followed already, or was deployed from here."""
    TARGET_GONE = "target_gone"
    NOT_FOLLOWED = "not_followed"
    """It was deployed from here, or isn't followed."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Result of a request to follow; with `KNOWN`, where it is followed already."""

    outcome: ImportOutcome
    channel_id: str = ""


class ImportedEndpoints:
    """Records what is followed, one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def follow(
        self,
        place: ChannelRef,
        person: Actor,
        endpoint: ListedEndpoint,
        spec: DedicatedEndpointSpec,
        *,
        message_ts: str = "",
    ) -> ImportResult:
        """Follow an endpoint from now on."""
        try:
            async with self._database.write() as session:
                target = await find_target(session, place, endpoint.target)
                if target is None:
                    return ImportResult(ImportOutcome.TARGET_GONE)
                project = await session.get_one(WatchedProject, target.watched_project_id)
                known = await session.scalar(
                    select(Deployment).where(
                        Deployment.api_base == project.api_base,
                        Deployment.endpoint_id == endpoint.endpoint_id,
                    )
                )
                if known is not None and known.state not in CLOSED:
                    return ImportResult(ImportOutcome.KNOWN, known.channel_id)
                if known is not None:
                    # Its old thread has ended; from now on it belongs to the new one.
                    await session.execute(
                        update(Deployment)
                        .where(Deployment.id == known.id)
                        .values(endpoint_id=None)
                        .execution_options(synchronize_session=False)
                    )
                await self._insert(session, place, person, endpoint, spec, target, project)
                audit.write(
                    session,
                    place,
                    person.id,
                    Permission.FOLLOW,
                    Effect.ACCEPTED,
                    target=target.name,
                    endpoint=endpoint.name,
                    message_ts=message_ts,
                )
        except IntegrityError:
            # Another request was faster.
            return ImportResult(ImportOutcome.KNOWN)
        return ImportResult(ImportOutcome.ACCEPTED)

    async def _insert(
        self,
        session: AsyncSession,
        place: ChannelRef,
        person: Actor,
        endpoint: ListedEndpoint,
        spec: DedicatedEndpointSpec,
        target: Target,
        project: WatchedProject,
    ) -> None:
        channel = await outbox.channel_row(
            session,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            address=place.channel_id,
        )
        public_id = uuid.uuid4().hex
        each = endpoint.price_each
        deployment = Deployment(
            request_id=f"follow {public_id}",
            public_id=public_id,
            channel_row_id=channel,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            channel_id=place.channel_id,
            requester_id=person.id,
            target_name=target.name,
            watched_project_id=project.id,
            api_base=project.api_base,
            friendli_project_id=project.project_id,
            friendli_team_id=spec.team_id or project.team_id,
            name=spec.name.strip() or endpoint.endpoint_id,
            request={},
            spec=spec.model_dump(mode="json", by_alias=True),
            price_per_hour="" if each is None else str(each),
            requested_at=now(),
            state=DeploymentState.LIVE,
            endpoint_id=endpoint.endpoint_id,
        )
        session.add(deployment)
        await session.flush()
        await session.refresh(deployment)
        state = observe(None, endpoint.status, unknown_lasts=True)
        if state is not None:
            at = endpoint.status.changed_at
            newest = ObservedTransition(state, deployment.requested_at, at)
            await add_transition(session, deployment, self._settings, newest)
        await open_thread(session, deployment, self._settings)
        await make_due(session, WatchedProject, project.id)

    async def unfollow(self, place: ChannelRef, person: Actor, public_id: str) -> ImportOutcome:
        """Stop following an imported endpoint; it goes on running."""
        async with self._database.write() as session:
            deployment = await lock_deployment(session, place, public_id)
            if (
                deployment is None
                or deployment.spec is None
                or deployment.state != DeploymentState.LIVE
            ):
                return ImportOutcome.NOT_FOLLOWED
            deployment.state = DeploymentState.UNWATCHED
            await make_due(session, WatchedProject, deployment.watched_project_id)
            await make_due(session, Deployment, deployment.id)
            await post(session, deployment, self._settings, replies.unfollowed(person.id))
            audit.write_about(session, deployment, person.id, Permission.FOLLOW, detail="unfollow")
        return ImportOutcome.ACCEPTED
