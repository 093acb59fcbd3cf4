"""Writes the state of messages: each method is one transaction under the claim on their channel.

A message leaves `pending` and `sending` once: the first transaction that settles it wins, and a
worker that lost its claim deletes its own post if another copy was recorded.

Transactions lock in the order deployment, message, workspace, channel, as do the services that
write to the outbox: another order would deadlock.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, make_due, release, renew
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.session import Database
from bot.domain.delivery import UNDELIVERED, Delivery, MessageKind
from bot.services import unreachable_channels
from bot.slack.next_message import OutboxJob, next_message

_NOW = timedelta(0)
# Exponential back-off: 5 s, doubled with each failure, up to a minute.
_RETRY_SECONDS, _MAX_DOUBLINGS, _MAX_RETRY_SECONDS = 5.0, 4, 60.0


class ClaimLostError(Exception):
    """Another worker claimed the channel; nothing was written."""


class DeliveryStore:
    """Raises `ClaimLostError` if the claim was lost, unless a method says otherwise."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def next_job(self, claim: Claim) -> OutboxJob | None:
        """The message to send now; if there is none, the channel is released."""
        async with self._database.read() as session:
            found = await next_message(
                session, claim, edit_interval=self._settings.slack_edit_interval
            )
        if isinstance(found, OutboxJob):
            return found
        async with self._database.write() as session:
            await release(session, Channel, claim, due=found)
        return None

    async def start(self, job: OutboxJob) -> bool:
        """Mark a post as sending, or reserve the workspace's next edit, and renew the lease.

        Returns:
            Whether to send it; if not, the channel is released.
        """
        lease = timedelta(seconds=self._settings.lease)
        async with self._database.write() as session:
            if started := await (self._reserve_edit if job.is_edit else _mark_sending)(
                session, job
            ):
                is_claimed = await renew(session, Channel, job.claim, lease=lease)
            else:
                is_claimed = await release(session, Channel, job.claim, due=_NOW)
            if not is_claimed:
                raise ClaimLostError
            return started

    async def _reserve_edit(self, session: AsyncSession, job: OutboxJob) -> bool:
        free = or_(Workspace.edit_after.is_(None), Workspace.edit_after <= now())
        reserved = await session.execute(
            update(Workspace)
            .where(Workspace.id == job.workspace.id, free)
            .values(edit_after=after(self._settings.slack_edit_interval))
            .returning(Workspace.id)
            .execution_options(synchronize_session=False)
        )
        return reserved.first() is not None

    async def posted(self, job: OutboxJob, channel_id: str, ts: str) -> bool:
        """Record a post, even if the claim was lost: the copy recorded first counts.

        Returns:
            Whether this copy counts.
        """
        message = job.message
        async with self._database.write() as session:
            if job.opens_thread:
                await _lock_deployment(session, message.deployment_id)
            counts = await _write(
                session, job, UNDELIVERED, delivery=Delivery.SENT, ts=ts, due_at=None, failures=0
            )
            if counts and job.opens_thread:
                await _set_thread(session, message.deployment_id, ts)
                await _make_deployment_due(session, job)
            counts = counts or await _recorded_ts(session, job) == ts
            await release(
                session,
                Channel,
                job.claim,
                due=_NOW,
                channel_id=channel_id,
                post_after=after(self._settings.slack_message_interval),
                stopped_reason=None,
            )
        return counts

    async def edited(self, job: OutboxJob) -> None:
        async with self._settling(job, stopped_reason=None) as session:
            await _settle(session, job, sent_version=job.message.version, due_at=None, failures=0)

    async def retry(self, job: OutboxJob) -> None:
        """Nothing was done, or a repeat does no harm: send it again after the back-off."""
        failures = job.message.failures
        async with self._settling(job) as session:
            due_at = after(_back_off(failures))
            await _undo_start(session, job, due_at=due_at, failures=failures + 1)

    async def rate_limited(self, job: OutboxJob, seconds: float) -> None:
        """Pause posts, or edits, of the whole workspace: Slack counts by method and workspace."""
        async with self._settling(job) as session:
            await _undo_start(session, job)
            column = Workspace.edit_after if job.is_edit else Workspace.post_after
            until = after(seconds)
            longer = case((column > until, column), else_=until)
            await _write_workspace(session, job, **{column.key: longer})

    async def refuse_plans(self, job: OutboxJob) -> None:
        """Send it, and everything else in the workspace, with plans drawn as sections."""
        async with self._settling(job) as session:
            await _undo_start(session, job)
            await _write_workspace(session, job, plan_refused=True)

    async def send_text_only(self, job: OutboxJob) -> None:
        async with self._settling(job) as session:
            # A body written meanwhile may be fine.
            refused = Message.version == job.message.version
            await _undo_start(session, job, text_only=refused)

    async def drop(self, job: OutboxJob) -> None:
        """Slack never accepts it: its thread goes on without."""
        async with self._settling(job) as session:
            if job.is_edit:
                await _undo_start(session, job, sent_version=job.message.version)
                return
            if job.opens_thread:
                await _lock_deployment(session, job.message.deployment_id)
                await _make_deployment_due(session, job)
            await _settle(session, job, delivery=Delivery.DROPPED, due_at=None)

    async def stop_channel(self, job: OutboxJob, error: str, *, notify: bool) -> None:
        """Send nothing to the channel for a while; `notify` tells requesters by direct message."""
        pause = timedelta(seconds=self._settings.slack_stopped_retry)
        async with self._settling(
            job, due=pause, stopped_reason=error, post_after=after(pause)
        ) as session:
            if not job.is_direct:
                await unreachable_channels.refuse_unannounced(session, job.channel, error)
            await _undo_start(session, job)
            if notify:
                await unreachable_channels.notify_requesters(session, job.channel, error)

    async def forward_to_admin(self, job: OutboxJob, error: str, admins: Sequence[str]) -> None:
        async with self._settling(job, stopped_reason=error) as session:
            await _settle(session, job, delivery=Delivery.DROPPED)
            await unreachable_channels.forward_to_admin(session, job.channel, job.message, admins)

    async def outcome_unknown(self, job: OutboxJob) -> None:
        """Keep it in `sending`, which blocks its thread, and search for it soon."""
        # If it was posted, it counts against the channel's rate limit.
        post_after = after(self._settings.slack_message_interval)
        async with self._settling(job, post_after=post_after) as session:
            due_at = after(self._settings.slack_reconcile_over / 60)
            await _settle(session, job, due_at=due_at)

    async def search_later(self, job: OutboxJob, seconds: float, **values: int) -> None:
        async with self._settling(job) as session:
            await _settle(session, job, due_at=after(seconds), **values)

    async def post_again(self, job: OutboxJob) -> None:
        async with self._settling(job) as session:
            await _settle(session, job, delivery=Delivery.PENDING, due_at=None)

    async def post_possible_repeat(self, job: OutboxJob) -> None:
        failures = job.message.failures
        due_at = after(_back_off(failures - 1)) if failures else None
        async with self._settling(job) as session:
            await _settle(
                session,
                job,
                delivery=Delivery.PENDING,
                possible_repeat=True,
                due_at=due_at,
                failures=failures + 1,
            )

    async def root_gone(self, job: OutboxJob) -> None:
        """Post a new root, then the reply; or the edited message again.

        The old `ts` stays: a search must not take the old message for the new one.
        """
        message = job.message
        gone = Message.id == message.id
        post_after = after(self._settings.slack_message_interval)
        async with self._settling(job, post_after=post_after) as session:
            await _lock_deployment(session, message.deployment_id)
            if not job.is_edit:
                await _settle(session, job, delivery=Delivery.PENDING, due_at=None)
                is_root = Message.kind == MessageKind.ROOT
                gone = (Message.deployment_id == message.deployment_id) & is_root
            await session.execute(
                update(Message)
                .where(gone, Message.delivery == Delivery.SENT)
                .values(delivery=Delivery.PENDING, due_at=None, possible_repeat=False, failures=0)
                .execution_options(synchronize_session=False)
            )
            if not job.is_edit or message.kind == MessageKind.ROOT:
                await _set_thread(session, message.deployment_id, None)

    async def edit_again(self, job: OutboxJob) -> None:
        """An edit whose claim was lost may have overwritten a newer one."""
        async with self._database.write() as session:
            await _settle(session, job, version=Message.version + 1)
            await make_due(session, Channel, job.channel.id)

    async def recorded_ts(self, job: OutboxJob) -> str | None:
        """Of the copy that counts; None if none does."""
        async with self._database.read() as session:
            return await _recorded_ts(session, job)

    @asynccontextmanager
    async def _settling(
        self,
        job: OutboxJob,
        *,
        due: timedelta = _NOW,
        **channel_values: ColumnElement[datetime] | str | None,
    ) -> AsyncIterator[AsyncSession]:
        """A transaction that ends with the release of the channel."""
        async with self._database.write() as session:
            yield session
            if not await release(session, Channel, job.claim, due=due, **channel_values):
                raise ClaimLostError


def _back_off(failures: int) -> float:
    return min(_RETRY_SECONDS * 2.0 ** min(failures, _MAX_DOUBLINGS), _MAX_RETRY_SECONDS)


async def _mark_sending(session: AsyncSession, job: OutboxJob) -> bool:
    return await _write(
        session,
        job,
        (Delivery.PENDING,),
        delivery=Delivery.SENDING,
        sending_since=now(),
        sent_version=job.message.version,
        reads=0,
    )


async def _undo_start(session: AsyncSession, job: OutboxJob, **values: object) -> None:
    """Restore the state before this attempt, which had no effect."""
    await _settle(session, job, **{"delivery": job.message.delivery, "due_at": None, **values})


async def _settle(session: AsyncSession, job: OutboxJob, **values: object) -> None:
    """Write columns of the message, unless another worker settled or dropped it."""
    await _write(session, job, (Delivery.SENT,) if job.is_edit else UNDELIVERED, **values)


async def _write(
    session: AsyncSession, job: OutboxJob, states: tuple[Delivery, ...], **values: object
) -> bool:
    written = await session.execute(
        update(Message)
        .where(Message.id == job.message.id, Message.delivery.in_(states))
        .values(values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return written.first() is not None


async def _write_workspace(session: AsyncSession, job: OutboxJob, **values: object) -> None:
    await session.execute(
        update(Workspace)
        .where(Workspace.id == job.workspace.id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


async def _recorded_ts(session: AsyncSession, job: OutboxJob) -> str | None:
    return await session.scalar(
        select(Message.ts).where(Message.id == job.message.id, Message.delivery == Delivery.SENT)
    )


async def _lock_deployment(session: AsyncSession, deployment_id: int | None) -> None:
    await session.execute(
        select(Deployment.id).where(Deployment.id == deployment_id).with_for_update(key_share=True)
    )


async def _make_deployment_due(session: AsyncSession, job: OutboxJob) -> None:
    if job.message.deployment_id is not None:
        await make_due(session, Deployment, job.message.deployment_id)


async def _set_thread(session: AsyncSession, deployment_id: int | None, ts: str | None) -> None:
    await session.execute(
        update(Deployment)
        .where(Deployment.id == deployment_id)
        .values(thread_ts=ts)
        .execution_options(synchronize_session=False)
    )
