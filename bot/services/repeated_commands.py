"""Whether a person has just sent the same command line: a mistake that would be billed twice.

Slack gives each command an id of its own, so a line that is sent again, by an impatient finger or
by a client that retries, is a new command to everything else.
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
    """Note that a person sends a line, and tell whether it is the first time within a minute.

    The row's key decides between two replicas: the second one waits until the first transaction
    ends. A transaction that is rolled back has noted nothing.

    Args:
        session: In the transaction that writes down what the line asks for.
        place: The channel.
        person: Who sent it.
        line: As typed; spaces between words don't make a difference.
    """
    key = {
        "enterprise_id": place.enterprise_id,
        "workspace_id": place.workspace_id,
        "channel_id": place.channel_id,
        "person_id": person.id,
        # A line may hold what nobody should find in a table later.
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
    """Delete what is too old to matter."""
    await session.execute(
        delete(CommandLine)
        .where(CommandLine.sent_at <= after(-REPEATED_WITHIN))
        .execution_options(synchronize_session=False)
    )
