"""Detects a command line that a person has just sent before, which would be billed twice.

Slack gives a line that is sent again, by a person or by a client that retries, a new id.
"""

import hashlib
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import after, now
from bot.db.deployment_tables import CommandLine
from bot.domain.actors import Actor, ChannelRef

REPEATED_WITHIN = timedelta(minutes=1)


async def is_first(session: AsyncSession, place: ChannelRef, person: Actor, line: str) -> bool:
    """Record a command line, and return whether it is the first within a minute.

    Of two replicas, the second waits on the unique key until the first transaction ends; one that
    is rolled back leaves nothing.

    Args:
        session: Of the transaction that carries the line out.
        line: As typed; spaces between words make no difference.
    """
    key = {
        "enterprise_id": place.enterprise_id,
        "workspace_id": place.workspace_id,
        "channel_id": place.channel_id,
        "person_id": person.id,
        # Hashed, as a line may hold a secret.
        "line_hash": hashlib.sha256(" ".join(line.split()).encode()).hexdigest(),
    }
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    noted = await session.execute(
        insert(CommandLine)
        .values(**key, sent_at=now())
        .on_conflict_do_update(
            index_elements=list(key),
            set_={"sent_at": now()},
            where=CommandLine.sent_at <= after(-REPEATED_WITHIN),
        )
        .returning(CommandLine.line_hash)
    )
    return noted.first() is not None


async def forget(session: AsyncSession) -> None:
    """Delete old lines."""
    await session.execute(
        delete(CommandLine)
        .where(CommandLine.sent_at <= after(-REPEATED_WITHIN))
        .execution_options(synchronize_session=False)
    )
