"""Writes down what became of messages, in transactions that end with putting back the claim.

Every one takes its rows in the order deployment, message, workspace, channel. So do those that
tell threads; one that took the channel first would deadlock with them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, make_due, release, renew
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Message
from bot.db.session import Database
from bot.domain.delivery import Delivery, MessageKind
from bot.slack import next_message

# Between repeats of what Slack couldn't be asked for: twice as long after each, up to a minute.
_RETRY_SECONDS, _MOST_DOUBLINGS, _LONGEST_RETRY = 5.0, 4, 60.0
_NOW = timedelta(0)
# To post a message that was posted already, as if it never had been.
_ANEW = {
    "delivery": Delivery.PENDING,
    "due_at": None,
    "possible_repeat": False,
    "failures": 0,
}


class ClaimLostError(Exception):
    """Someone else has claimed the channel meanwhile; nothing was written."""


class DeliveryStore:
    """Writes the states of messages.

    Every method that takes a claim raises `ClaimLostError`, and writes nothing, if it was lost.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @asynccontextmanager
    async def settled(
        self,
        claim: Claim,
        *,
        due: timedelta = _NOW,
        **values: ColumnElement[datetime] | str | None,
    ) -> AsyncIterator[AsyncSession]:
        """Write a fate, and put the channel back at the end of the transaction."""
        async with self._database.write() as session:
            yield session
            if not await release(session, Channel, claim, due=due, **values):
                raise ClaimLostError

    async def _put_back(self, session: AsyncSession, claim: Claim) -> None:
        if not await release(session, Channel, claim, due=_NOW):
            raise ClaimLostError

    async def unsent(
        self, session: AsyncSession, job: next_message.OutboxJob, **values: object
    ) -> None:
        """Put a message back to what it was before this attempt, which didn't reach Slack."""
        await self.write(
            session, job, **{"delivery": job.message.delivery, "due_at": None, **values}
        )

    async def write(
        self, session: AsyncSession, job: next_message.OutboxJob, **values: object
    ) -> None:
        """Write columns of a message, unless it isn't any more what the job took it for."""
        write = next_message.write_sent if job.is_edit else next_message.write_unsent
        await write(session, job.message.id, **values)

    async def sending(self, claim: Claim, job: next_message.OutboxJob) -> bool:
        """A post may leave from now on. Returns whether it is still to be made."""
        async with self._database.write() as session:
            if not await next_message.mark_sending(session, job):
                await self._put_back(session, claim)
                return False
            if not await renew(session, Channel, claim, lease=self._lease):
                raise ClaimLostError
            return True

    async def editing(self, claim: Claim, channel: Channel) -> bool:
        """Take the workspace's next edit. Returns whether it may be made now."""
        interval = self._settings.slack_edit_interval
        async with self._database.write() as session:
            if not await next_message.reserve_edit(session, channel.workspace_row_id, interval):
                await self._put_back(session, claim)
                return False
            if not await renew(session, Channel, claim, lease=self._lease):
                raise ClaimLostError
            return True

    async def edited(self, claim: Claim, job: next_message.OutboxJob) -> None:
        """Slack shows the newest body."""
        async with self.settled(claim, stopped_reason=None) as session:
            await next_message.write_sent(
                session,
                job.message.id,
                sent_version=job.message.version,
                due_at=None,
                failures=0,
            )

    async def edit_again(self, job: next_message.OutboxJob) -> None:
        """An edit came after its claim was lost: it may have covered a newer one."""
        async with self._database.write() as session:
            await next_message.write_sent(session, job.message.id, version=Message.version + 1)
            await make_due(session, Channel, job.message.channel_row_id)

    async def counting(self, job: next_message.OutboxJob) -> str | None:
        """The `ts` of the copy of a message that counts; None while none does."""
        async with self._database.read() as session:
            return await session.scalar(
                select(Message.ts).where(
                    Message.id == job.message.id, Message.delivery == Delivery.SENT
                )
            )

    async def put_off(
        self, claim: Claim, job: next_message.OutboxJob, seconds: float, **values: object
    ) -> None:
        """Look at the message again later; other threads of the channel go on."""
        async with self.settled(claim) as session:
            await self.write(session, job, due_at=after(seconds), **values)

    async def again(self, claim: Claim, job: next_message.OutboxJob) -> None:
        """Nothing happened, or it may happen twice: try again in a while."""
        failures = job.message.failures
        async with self.settled(claim) as session:
            due_at = after(_back_off(failures))
            await self.unsent(session, job, due_at=due_at, failures=failures + 1)

    async def in_doubt(self, claim: Claim, job: next_message.OutboxJob) -> None:
        """A post may stand in Slack: look for it before anything else of its thread is sent."""
        # It may count against the channel's pace, too.
        pace = after(self._settings.slack_message_interval)
        async with self.settled(claim, post_after=pace) as session:
            first_look = after(self._settings.slack_reconcile_over / 60)
            await next_message.write_unsent(session, job.message.id, due_at=first_look)

    async def repeat(self, claim: Claim, job: next_message.OutboxJob) -> None:
        """A doubtful post surely isn't in Slack: it is made again."""
        async with self.settled(claim) as session:
            await next_message.write_unsent(
                session, job.message.id, delivery=Delivery.PENDING, due_at=None
            )

    async def repeat_blindly(self, claim: Claim, job: next_message.OutboxJob) -> None:
        """A doubtful post can't be looked for: it is made again, and says what it may be."""
        message = job.message
        again = after(_back_off(message.failures - 1)) if message.failures else None
        async with self.settled(claim) as session:
            await next_message.write_unsent(
                session,
                message.id,
                delivery=Delivery.PENDING,
                possible_repeat=True,
                due_at=again,
                failures=message.failures + 1,
            )

    async def root_gone(self, claim: Claim, job: next_message.OutboxJob) -> None:
        """The thread lost its root: a new one is posted, and the thread goes on there."""
        message = job.message
        pace = after(self._settings.slack_message_interval)
        async with self.settled(claim, post_after=pace) as session:
            await next_message.lock(session, message.deployment_id)
            if job.is_edit:
                # Its `ts` stays: the message may stand there still, and isn't the new one.
                await next_message.write_sent(session, message.id, **_ANEW)
                if message.kind == MessageKind.ROOT:
                    await self._forget_root(session, message.deployment_id)
                return
            await next_message.write_unsent(
                session, message.id, delivery=Delivery.PENDING, due_at=None
            )
            await session.execute(
                update(Message)
                .where(
                    Message.deployment_id == message.deployment_id,
                    Message.kind == MessageKind.ROOT,
                    Message.delivery == Delivery.SENT,
                )
                .values(_ANEW)
                .execution_options(synchronize_session=False)
            )
            await self._forget_root(session, message.deployment_id)

    async def _forget_root(self, session: AsyncSession, deployment_id: int | None) -> None:
        await session.execute(
            update(Deployment)
            .where(Deployment.id == deployment_id)
            .values(thread_ts=None)
            .execution_options(synchronize_session=False)
        )

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self._settings.lease)


def _back_off(failures: int) -> float:
    return min(_RETRY_SECONDS * 2.0 ** min(failures, _MOST_DOUBLINGS), _LONGEST_RETRY)
