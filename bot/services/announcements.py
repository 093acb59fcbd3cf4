"""Announce changes of a channel's targets in the channel, in the transaction that makes them."""

from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.clock import after
from bot.db.deployment_tables import Target
from bot.db.message_tables import Channel
from bot.db.operation_tables import AuditEntry
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.messages import announcements
from bot.messages.body import Body
from bot.services import audit, outbox
from bot.services.lookup import in_channel

_ASK = "target:ask"
_REPEATED_WITHIN = timedelta(hours=12)


async def announce(session: AsyncSession, place: ChannelRef, body: Body) -> None:
    """Post a line; once the transaction commits, it is posted once."""
    await outbox.send_notice(session, await _row(session, place), body)


async def connected(session: AsyncSession, place: ChannelRef, body: Body) -> None:
    """The same, and no message goes on offering to connect the channel."""
    row = await _row(session, place)
    await outbox.remove_notice_buttons(session, row)
    await outbox.send_notice(session, row, body)


async def _row(session: AsyncSession, place: ChannelRef) -> int:
    return await outbox.channel_row(
        session,
        enterprise_id=place.enterprise_id,
        workspace_id=place.workspace_id,
        address=place.channel_id,
    )


class AskOutcome(StrEnum):
    """Outcome of a request to connect a channel."""

    POSTED = "posted"
    REPEATED = "repeated"
    CONNECTED = "connected"
    """It is connected by now."""


class ConnectRequests:
    """Posts requests to connect a channel, at most one in 12 hours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def post(
        self, place: ChannelRef, person: Actor, whom: str, *, message_ts: str = ""
    ) -> AskOutcome:
        """Ask admins in the channel; `whom` mentions them, as mrkdwn."""
        async with self._database.write() as session:
            row = await _row(session, place)
            # Of two requests at once, the second finds the first.
            await session.execute(select(Channel.id).where(Channel.id == row).with_for_update())
            if await session.scalar(select(Target.id).where(*in_channel(Target, place)).limit(1)):
                return AskOutcome.CONNECTED
            lately = await session.scalar(
                select(AuditEntry.id)
                .where(
                    *in_channel(AuditEntry, place),
                    AuditEntry.action == _ASK,
                    AuditEntry.at > after(-_REPEATED_WITHIN),
                )
                .limit(1)
            )
            if lately is not None:
                return AskOutcome.REPEATED
            body = announcements.asks_to_connect(person.id, whom)
            await outbox.send_notice(session, row, body)
            audit.write(session, place, person.id, _ASK, Effect.DONE, message_ts=message_ts)
        return AskOutcome.POSTED
