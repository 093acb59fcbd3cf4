"""Connect a channel to a target, and disconnect it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import SecretStr
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Target, WatchedProject
from bot.db.encryption import KeyRing, fingerprint, last_four
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import WILL_BE_BILLED, DeploymentState
from bot.domain.permissions import Permission
from bot.messages import announcements as announcement_words
from bot.messages import replies
from bot.services import announcements, audit
from bot.services.lookup import find_target, in_channel
from bot.services.proposal_expiry import end_proposals
from bot.services.targets import Targets
from bot.services.thread import post


@dataclass(frozen=True, slots=True)
class Running:
    """A deployment that may still be billed."""

    name: str
    endpoint_id: str | None
    price: Decimal | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Sharing:
    """Another target with the same project and key."""

    channel_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Connection:
    """What a channel is connected to; without an API key, the operator's is used."""

    name: str
    team_id: str
    project_id: str
    api_key: SecretStr | None
    is_default: bool


class OtherProjectError(Exception):
    """The target leads to another project, in which something may still run."""

    def __init__(self, project_id: str) -> None:
        super().__init__(project_id)
        self.project_id = project_id


class TargetConnections:
    """Connects and disconnects targets, one transaction each."""

    def __init__(
        self, database: Database, key_ring: KeyRing, settings: Settings, targets: Targets
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._settings = settings
        self._targets = targets

    async def running(self, place: ChannelRef, name: str) -> Sequence[Running]:
        """What was deployed to a target and may still be billed."""
        async with self._database.read() as session:
            rows = await session.scalars(
                select(Deployment)
                .where(*_deployed(place, name), Deployment.state.in_(WILL_BE_BILLED))
                .order_by(Deployment.id)
            )
            return [
                Running(
                    row.name,
                    row.endpoint_id,
                    Decimal(row.price_per_hour) if row.price_per_hour else None,
                    row.status,
                )
                for row in rows
            ]

    async def sharing(self, place: ChannelRef, name: str) -> Sequence[Sharing]:
        """The other targets with the project and key of a target, which stay watched by it."""
        async with self._database.read() as session:
            target = await find_target(session, place, name)
            return [] if target is None else await _sharing(session, target)

    async def connect(self, place: ChannelRef, person: Actor, wanted: Connection) -> bool:
        """Store a target, or a new key for it, which was checked before.

        Returns:
            Whether the target existed before.

        Raises:
            OtherProjectError: Something may still run in its present project.
        """
        async with self._targets.writing() as session:
            target = await find_target(session, place, wanted.name)
            project = await self._project(session, wanted)
            existed = target is not None
            is_new_key = False
            if target is not None:
                former = await session.get_one(WatchedProject, target.watched_project_id)
                is_new_key = former.project_id == project.project_id
            if target is None:
                session.add(
                    Target(
                        enterprise_id=place.enterprise_id,
                        workspace_id=place.workspace_id,
                        channel_id=place.channel_id,
                        name=wanted.name,
                        is_default=False,
                        watched_project_id=project.id,
                        connected_by=person.id,
                        connected_at=now(),
                    )
                )
                await session.flush()
            else:
                await self._replace(session, place, target, project, person)
            if wanted.is_default:
                await session.execute(
                    update(Target)
                    .where(*in_channel(Target, place))
                    .values(is_default=Target.name == wanted.name)
                )
            await self._promote(session, place)
            audit.write(
                session,
                place,
                person.id,
                Permission.CONNECT,
                Effect.DONE,
                target=wanted.name,
                detail=f"project {wanted.project_id}" + (", a new key" if existed else ""),
            )
            await announcements.connected(
                session,
                place,
                announcement_words.connected(
                    person.id, wanted.name, wanted.project_id, is_new_key=is_new_key
                ),
            )
        return existed

    async def _replace(
        self,
        session: AsyncSession,
        place: ChannelRef,
        target: Target,
        project: WatchedProject,
        person: Actor,
    ) -> None:
        before = await session.get_one(WatchedProject, target.watched_project_id)
        target.connected_by = person.id
        target.connected_at = now()
        if before.id == project.id:
            await make_due(session, WatchedProject, project.id)
            return
        same_project = before.project_id == project.project_id
        if not same_project:
            if await self._may_bill(session, place, target.name):
                raise OtherProjectError(before.project_id)
            await end_proposals(
                session, place, target.name, person, self._settings, leads_elsewhere=True
            )
        target.watched_project_id = project.id
        await session.flush()
        if same_project:
            # Polling goes on with the new key, which the threads learn.
            await session.execute(
                update(Deployment)
                .where(*_deployed(place, target.name), Deployment.watched_project_id == before.id)
                .values(watched_project_id=project.id, friendli_team_id=project.team_id)
                .execution_options(synchronize_session=False)
            )
            if before.reported_failure is not None and project.reported_failure is None:
                project.reported_failure = before.reported_failure
            moved = await session.scalars(
                select(Deployment.id).where(
                    Deployment.watched_project_id == project.id,
                    Deployment.state.in_(
                        [
                            DeploymentState.CREATED,
                            DeploymentState.OUTCOME_UNKNOWN,
                            DeploymentState.NOT_CREATED,
                        ]
                    ),
                )
            )
            await session.flush()
            for id_ in moved.all():
                await make_due(session, Deployment, id_)
        if not await self._wipe_unused(session, before):
            await make_due(session, WatchedProject, before.id)
        await make_due(session, WatchedProject, project.id)

    async def _project(self, session: AsyncSession, wanted: Connection) -> WatchedProject:
        key: dict[str, str] = {
            "api_base": self._settings.friendli_api_url,
            "team_id": wanted.team_id,
            "project_id": wanted.project_id,
            "key_fingerprint": fingerprint(wanted.api_key),
        }
        insert = sqlite_insert if self._database.is_sqlite else postgresql_insert
        stored = {
            "key_ciphertext": self._key_ring.encrypt(wanted.api_key),
            "key_last_four": last_four(wanted.api_key),
        }
        id_ = (
            await session.execute(
                insert(WatchedProject)
                .values(**key, **stored)
                .on_conflict_do_update(index_elements=list(key), set_=stored)
                .returning(WatchedProject.id)
            )
        ).scalar_one()
        return await session.get_one(WatchedProject, id_)

    async def disconnect(
        self, place: ChannelRef, person: Actor, name: str, *, message_ts: str = ""
    ) -> Sequence[Sharing] | None:
        """Delete a target, and its key unless other targets have it too.

        Returns:
            Those other targets; None if there was no such target.
        """
        async with self._targets.writing() as session:
            target = await find_target(session, place, name)
            if target is None:
                return None
            sharing = await _sharing(session, target)
            project = await session.get_one(WatchedProject, target.watched_project_id)
            await end_proposals(session, place, name, person, self._settings)
            await session.execute(delete(Target).where(Target.id == target.id))
            audit.write(
                session,
                place,
                person.id,
                "target:disconnect",
                Effect.DONE,
                target=name,
                detail=f"project {project.project_id}",
                message_ts=message_ts,
            )
            gone = announcement_words.disconnected(person.id, name, project.project_id)
            await announcements.announce(session, place, gone)
            await self._promote(session, place)
            if not await self._wipe_unused(session, project):
                return sharing
            left = await session.scalars(
                select(Deployment)
                .where(
                    Deployment.watched_project_id == project.id,
                    Deployment.state.in_(WILL_BE_BILLED),
                )
                .order_by(Deployment.id)
                .with_for_update(key_share=True)
            )
            for deployment in left:
                deployment.state = DeploymentState.UNWATCHED
                await make_due(session, Deployment, deployment.id)
                await post(
                    session,
                    deployment,
                    self._settings,
                    lambda view: replies.disconnected(view, person.id),
                )
        return []

    async def _promote(self, session: AsyncSession, place: ChannelRef) -> None:
        remaining = (
            await session.scalars(
                select(Target).where(*in_channel(Target, place)).order_by(Target.id)
            )
        ).all()
        if remaining and not any(target.is_default for target in remaining):
            remaining[0].is_default = True

    async def _wipe_unused(self, session: AsyncSession, project: WatchedProject) -> bool:
        users = await session.scalar(
            select(func.count()).select_from(Target).where(Target.watched_project_id == project.id)
        )
        if users:
            return False
        project.key_ciphertext = None
        project.reported_failure = None
        await session.flush()
        await make_due(session, WatchedProject, project.id)
        return True

    async def _may_bill(self, session: AsyncSession, place: ChannelRef, name: str) -> bool:
        return bool(
            await session.scalar(
                select(func.count())
                .select_from(Deployment)
                .where(*_deployed(place, name), Deployment.state.in_(WILL_BE_BILLED))
            )
        )


async def _sharing(session: AsyncSession, target: Target) -> Sequence[Sharing]:
    others = await session.execute(
        select(Target.channel_id, Target.name)
        .where(Target.watched_project_id == target.watched_project_id, Target.id != target.id)
        .order_by(Target.channel_id != target.channel_id, Target.id)
    )
    return [Sharing(channel_id, name) for channel_id, name in others]


def _deployed(place: ChannelRef, name: str) -> tuple[ColumnElement[bool], ...]:
    return *in_channel(Deployment, place), Deployment.target_name == name
