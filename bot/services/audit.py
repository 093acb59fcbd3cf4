"""The audit: who did what. Entries are added by the transaction that does it, and never change."""

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
from bot.services.lookup import find_deployment, in_channel

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
    """Add an entry.

    Args:
        person_id: '' for the bot itself.
        action: Scope and action, such as "endpoint:sleep".
        detail: Never a secret.
        request_id: Of a command that takes effect once: see `is_known`.
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
    """As `write`, with the deployment's channel, target and name."""
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
    """Add the entry of a new deployment, in one statement."""
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
    """Record for each target of a project that its stored key was refused."""
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
    """Whether there is an entry of this one-use id."""
    found = await session.scalar(select(AuditEntry.id).where(AuditEntry.request_id == request_id))
    return found is not None


class Audit:
    """Reads the audit, and records denials, which no other transaction does."""

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
        """The newest entries of a channel, newest first, older than the one with id `before`."""
        query = select(AuditEntry).where(
            *in_channel(AuditEntry, place),
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
        """Record a denial; `about` is the public id of a deployment, `target` '' while unknown."""
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
        """All entries from a moment on, oldest first, streamed."""
        query = select(AuditEntry).order_by(AuditEntry.id)
        if since is not None:
            query = query.where(AuditEntry.at >= since)
        async with self._database.read(streams=True) as session:
            async for entry in await session.stream_scalars(query.execution_options(yield_per=500)):
                yield entry


def to_json(entry: AuditEntry) -> str:
    """An entry as one line of JSON, with the time in UTC."""
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
