"""Who did what, in the transaction that did it: written once, never changed."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import table_of
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Target
from bot.db.operation_tables import AuditEntry
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.audit_record import AuditRecord
from bot.domain.permissions import Permission
from bot.services.lookup import find_deployment

_LONGEST_DETAIL = 2_000


def write(
    session: AsyncSession,
    place: ChannelRef,
    person_id: str,
    action: str,
    effect: Effect,
    *,
    target: str = "",
    endpoint: str = "",
    detail: str = "",
    message_ts: str = "",
    request_id: str | None = None,
) -> None:
    """Write down an act.

    Args:
        session: Of the transaction in which it takes effect.
        place: Where it was asked.
        person_id: Who; '' for the bot itself, as when a lease ends.
        action: What, as scope and action, such as "endpoint:sleep".
        effect: What became of it.
        target: The target's name.
        endpoint: The endpoint's name.
        detail: More words; never a secret.
        message_ts: Of the message whose button was used.
        request_id: Of a command that is done once: see `is_known`.
    """
    session.add(
        AuditEntry(
            at=now(),
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            channel_id=place.channel_id,
            person_id=person_id,
            action=action,
            target_name=target,
            endpoint=endpoint,
            effect=effect,
            detail=detail[:_LONGEST_DETAIL],
            message_ts=message_ts,
            request_id=request_id,
        )
    )


def write_about(
    session: AsyncSession,
    deployment: Deployment,
    person_id: str,
    action: str,
    effect: Effect = Effect.ACCEPTED,
    *,
    detail: str = "",
    message_ts: str = "",
    request_id: str | None = None,
) -> None:
    """Write down an act on a deployment, with its channel, target and name; as for `write`."""
    write(
        session,
        ChannelRef(deployment.enterprise_id, deployment.workspace_id, deployment.channel_id),
        person_id,
        action,
        effect,
        target=deployment.target_name,
        endpoint=deployment.name,
        detail=detail,
        message_ts=message_ts,
        request_id=request_id,
    )


async def insert_deploy(
    session: AsyncSession,
    deployment: Deployment,
    *,
    detail: str,
    message_ts: str,
) -> None:
    """Write down the request for a new deployment, in one statement."""
    await session.execute(
        _INSERT,
        {
            "enterprise_id": deployment.enterprise_id,
            "workspace_id": deployment.workspace_id,
            "channel_id": deployment.channel_id,
            "person_id": deployment.requester_id,
            "action": Permission.DEPLOY,
            "target_name": deployment.target_name,
            "endpoint": deployment.name,
            "effect": Effect.ACCEPTED,
            "detail": detail[:_LONGEST_DETAIL],
            "message_ts": message_ts,
        },
    )


async def write_key_mismatch(session: AsyncSession, project: int) -> None:
    """Write down for each target of a project that its stored key was refused."""
    targets = await session.scalars(select(Target).where(Target.watched_project_id == project))
    for target in targets:
        write(
            session,
            ChannelRef(target.enterprise_id, target.workspace_id, target.channel_id),
            "",
            "target:key",
            Effect.REFUSED,
            target=target.name,
            detail="The stored API key isn't the one that was connected.",
        )


async def is_known(session: AsyncSession, request_id: str) -> bool:
    """Whether an act of this one-use id was written down before."""
    found = await session.scalar(select(AuditEntry.id).where(AuditEntry.request_id == request_id))
    return found is not None


class Audit:
    """Reads what was written down, and writes down who was denied, which no other act does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(
        self,
        place: ChannelRef,
        limit: int,
        *,
        before: int | None = None,
        target: str | None = None,
        hidden: Sequence[str] = (),
    ) -> Sequence[AuditRecord]:
        """The last acts of a channel, the newest first.

        Args:
            place: The channel.
            limit: How many at most.
            before: Only entries older than the one of this id.
            target: Only those of the target of this name.
            hidden: None of the targets of these names.
        """
        query = select(AuditEntry).where(
            AuditEntry.enterprise_id == place.enterprise_id,
            AuditEntry.workspace_id == place.workspace_id,
            AuditEntry.channel_id == place.channel_id,
        )
        if target is not None:
            query = query.where(AuditEntry.target_name == target)
        if hidden:
            query = query.where(AuditEntry.target_name.not_in(hidden))
        if before is not None:
            query = query.where(AuditEntry.id < before)
        async with self._database.read() as session:
            rows = await session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit))
            return [
                AuditRecord(
                    id=row.id,
                    at=row.at,
                    person_id=row.person_id,
                    action=row.action,
                    target_name=row.target_name,
                    endpoint=row.endpoint,
                    effect=row.effect,
                    detail=row.detail,
                )
                for row in rows
            ]

    async def denied(
        self,
        place: ChannelRef,
        person: Actor,
        action: str,
        target: str,
        *,
        about: str = "",
        message_ts: str = "",
    ) -> None:
        """Write down that somebody wasn't allowed something.

        Args:
            place: Where.
            person: Who.
            action: What.
            target: On which target; '' while that is open.
            about: The public id of the deployment that it is about, if it is about one.
            message_ts: Of the message whose button was used.
        """
        async with self._database.write() as session:
            deployment = await find_deployment(session, place, about) if about else None
            write(
                session,
                place,
                person.id,
                action,
                Effect.DENIED,
                target=target,
                endpoint=deployment.name if deployment is not None else "",
                message_ts=message_ts,
            )

    async def since(self, since: datetime | None) -> AsyncIterator[AuditEntry]:
        """All acts of all channels from a moment on, the oldest first, some at a time."""
        query = select(AuditEntry).order_by(AuditEntry.id)
        if since is not None:
            query = query.where(AuditEntry.at >= since)
        async with self._database.read(streams=True) as session:
            async for entry in await session.stream_scalars(query.execution_options(yield_per=500)):
                yield entry


def to_json(entry: AuditEntry) -> str:
    """An act as one line of JSON, with the moment in UTC."""
    return json.dumps(
        {
            "id": entry.id,
            "at": entry.at.isoformat(),
            "enterprise": entry.enterprise_id,
            "workspace": entry.workspace_id,
            "channel": entry.channel_id,
            "person": entry.person_id,
            "action": entry.action,
            "target": entry.target_name,
            "endpoint": entry.endpoint,
            "effect": entry.effect,
            "detail": entry.detail,
            "message_ts": entry.message_ts,
        },
        ensure_ascii=False,
    )


# Building a statement costs as much as running it, and the ORM as much again.
_INSERT = insert(table_of(AuditEntry)).values(at=now())
