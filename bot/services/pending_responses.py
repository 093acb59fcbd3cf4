"""Responses to one person that arrive even if the process dies before Slack has shown them.

A response is added to the outbox before Slack is acknowledged, due after the time that the process
has to show it. Once shown, the row is deleted; otherwise it is sent as a direct message.
"""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from bot.config import Settings
from bot.db.message_tables import Message, Workspace
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.delivery import Delivery
from bot.messages.blocks import section
from bot.messages.body import Body, body
from bot.services import outbox

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Of the 3 s that Slack waits for its acknowledgement.
_WRITE_SECONDS = 1.0
_DATABASE_ERRORS = (SQLAlchemyError, OSError, TimeoutError)


class PendingResponses:
    """Adds responses to the outbox, and deletes those that were shown."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def write(self, place: ChannelRef, person_id: str, response: Body) -> int | None:
        """Add a response; the direct message has its text only, as buttons act in their channel.

        Returns None if the database is unavailable, or has no rows of the workspace.
        """
        where = f"From <#{place.channel_id}>: " if place.channel_id else ""
        text = f"{where}{response.text}"
        try:
            async with asyncio.timeout(_WRITE_SECONDS), self._database.write() as session:
                workspace = await session.scalar(
                    select(Workspace.id).where(
                        Workspace.enterprise_id == place.enterprise_id,
                        Workspace.workspace_id == place.workspace_id,
                    )
                )
                if workspace is None:
                    return None
                message = await outbox.send_direct(
                    session,
                    workspace,
                    person_id,
                    body(text, section(text)),
                    later=timedelta(seconds=self._settings.lease),
                )
                return message.id
        except _DATABASE_ERRORS as error:
            log.warning("an answer isn't written down", error=type(error).__name__)
            return None

    async def shown(self, row: int) -> None:
        """Delete a response that was shown, unless it is being sent already."""
        try:
            async with self._database.write() as session:
                await session.execute(
                    delete(Message).where(Message.id == row, Message.delivery == Delivery.PENDING)
                )
        except _DATABASE_ERRORS as error:
            # It is sent again, as a direct message.
            log.warning("an answer stays in the outbox", error=type(error).__name__)
