"""Who did what, in the transaction that did it: written once, never changed."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.acts import AuditEntry, Effect
from bot.db.clock import now
from bot.deployments.place import Place

_LONGEST_DETAIL = 2_000


def write(
    session: AsyncSession,
    place: Place,
    person_id: str,
    action: str,
    effect: Effect,
    *,
    target: str = "",
    endpoint: str = "",
    detail: str = "",
    message_ts: str = "",
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
        )
    )


async def newest(session: AsyncSession, place: Place, limit: int) -> list[AuditEntry]:
    """The last acts of a channel, the newest first."""
    rows = await session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.enterprise_id == place.enterprise_id,
            AuditEntry.workspace_id == place.workspace_id,
            AuditEntry.channel_id == place.channel_id,
        )
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return list(rows)
