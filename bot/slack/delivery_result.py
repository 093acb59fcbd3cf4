"""What Slack's answer means for a message, its thread and its channel."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import case, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, make_due, release
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.domain.delivery import Delivery, MessageKind
from bot.domain.process.metrics import MESSAGES
from bot.messages.body import Body
from bot.slack import next_message, unreachable_channels
from bot.slack.calls import WORKSPACE_ERRORS, ErrorKind, Failure
from bot.slack.delivery_store import DeliveryStore

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_NOW = timedelta(0)
_PLAN_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format"})
_DIRECT = frozenset({MessageKind.DIRECT, MessageKind.DIRECT_TO_ADMIN})


class DeliveryResults:
    """Decides what becomes of messages.

    Attributes:
        ledger: Writes it down.

    Args:
        find_admins: Lists the people to turn to when the person who asked can't be reached.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        find_admins: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self.ledger = DeliveryStore(database, settings)
        self._database = database
        self._settings = settings
        self._find_admins = find_admins

    async def posted(
        self, claim: Claim, channel: Channel, job: next_message.OutboxJob, ts: str, *, address: str
    ) -> bool:
        """A message stands in Slack. Returns whether this is the copy that counts.

        It is written down even if the claim was lost: what counts is which copy came first.
        """
        message = job.message
        MESSAGES.labels("posted").inc()
        async with self._database.write() as session:
            counts = await next_message.settle(session, job, ts)
            if counts and message.kind == MessageKind.ROOT and message.deployment_id is not None:
                await make_due(session, Deployment, message.deployment_id)
            await release(
                session,
                Channel,
                claim,
                due=_NOW,
                channel_id=address,
                post_after=after(self._settings.slack_message_interval),
                stopped_reason=None,
            )
        if counts:
            log.info("delivered", kind=message.kind, sequence=message.sequence, ts=ts)
        if channel.stopped_reason:
            log.info("channel takes messages again", channel=channel.address)
        return counts

    async def failed(
        self,
        claim: Claim,
        channel: Channel,
        job: next_message.OutboxJob,
        failure: Failure,
        sent: Body | None = None,
    ) -> None:
        """The message isn't in Slack, or may not be.

        Raises `ClaimLostError`, and writes nothing, if the claim was lost.

        Args:
            claim: The claim.
            channel: Where it was sent.
            job: What was sent.
            failure: Slack's answer.
            sent: How it looked; None if Slack was asked for something else before.
        """
        MESSAGES.labels(failure.trouble).inc()
        match failure.trouble:
            case ErrorKind.STOPPED:
                await self._stopped(claim, channel, job, failure)
            case ErrorKind.LATER:
                await self._later(claim, channel, job, failure)
            case ErrorKind.OUTCOME_UNKNOWN if sent is not None and not job.is_edit:
                # It stays marked as sending: the next to claim the channel looks for it.
                await self.ledger.in_doubt(claim, job)
            case ErrorKind.GONE if sent is not None:
                await self.ledger.root_gone(claim, job)
            case ErrorKind.REFUSED if sent is not None:
                await self._refused(claim, channel, job, failure, sent)
            case _:
                await self.ledger.again(claim, job)

    async def _later(
        self, claim: Claim, channel: Channel, job: next_message.OutboxJob, failure: Failure
    ) -> None:
        async with self.ledger.settled(claim) as session:
            await self.ledger.unsent(session, job)
            # Slack counts per method and workspace, so every channel of it waits.
            column = Workspace.edit_after if job.is_edit else Workspace.post_after
            until = after(failure.retry_after)
            await session.execute(
                update(Workspace)
                .where(Workspace.id == channel.workspace_row_id)
                .values({column: case((column > until, column), else_=until)})
                .execution_options(synchronize_session=False)
            )

    async def _refused(
        self,
        claim: Claim,
        channel: Channel,
        job: next_message.OutboxJob,
        failure: Failure,
        sent: Body,
    ) -> None:
        """Try it plainer: without a plan, then as text only; then set it aside."""
        message = job.message
        async with self.ledger.settled(claim) as session:
            await next_message.lock(session, message.deployment_id)
            await self.ledger.unsent(session, job)
            if sent.has_plan and failure.error in _PLAN_ERRORS and _is_about_plan(failure, sent):
                log.info("this workspace draws no plans", error=failure.error)
                await session.execute(
                    update(Workspace)
                    .where(Workspace.id == channel.workspace_row_id)
                    .values(plan_refused=True)
                    .execution_options(synchronize_session=False)
                )
            elif not message.text_only:
                log.warning("message goes as text only", error=failure.error, row=message.id)
                await self.ledger.write(session, job, text_only=True)
            else:
                log.error("message set aside", error=failure.error, row=message.id)
                await self._set_aside(session, job)

    async def _set_aside(self, session: AsyncSession, job: next_message.OutboxJob) -> None:
        if job.is_edit:
            await self.ledger.write(session, job, sent_version=job.message.version)
            return
        if job.message.kind == MessageKind.ROOT and job.message.deployment_id is not None:
            await make_due(session, Deployment, job.message.deployment_id)
        await self.ledger.write(session, job, delivery=Delivery.DROPPED)

    async def _stopped(
        self, claim: Claim, channel: Channel, job: next_message.OutboxJob, failure: Failure
    ) -> None:
        """Stop sending here; tell the people concerned elsewhere; look again later."""
        log.warning("channel takes no messages", channel=channel.address, error=failure.error)
        if job.message.kind in _DIRECT and failure.error not in WORKSPACE_ERRORS:
            await self._unreachable(claim, channel, job, failure)
            return
        pause = timedelta(seconds=self._settings.slack_stopped_retry)
        # Nobody could be told of what stopped the whole workspace.
        untold = channel.stopped_reason is None or channel.stopped_reason in WORKSPACE_ERRORS
        async with self.ledger.settled(
            claim, due=pause, stopped_reason=failure.error, post_after=after(pause)
        ) as session:
            if job.message.kind not in _DIRECT:
                await unreachable_channels.give_up_unmade(session, channel, failure.error)
            await self.ledger.unsent(session, job)
            if untold and failure.error not in WORKSPACE_ERRORS:
                await unreachable_channels.notify_requesters(session, channel, failure.error)

    async def _unreachable(
        self, claim: Claim, channel: Channel, job: next_message.OutboxJob, failure: Failure
    ) -> None:
        """A person can't be written to: an admin is, instead."""
        try:
            async with asyncio.timeout(self._settings.lease / 3):
                admins = await self._find_admins()
        except TimeoutError:
            await self.ledger.again(claim, job)
            return
        async with self.ledger.settled(claim, stopped_reason=failure.error) as session:
            await self.ledger.write(session, job, delivery=Delivery.DROPPED)
            await unreachable_channels.turn_to_admin(session, channel, job.message, admins)


def _is_about_plan(failure: Failure, sent: Body) -> bool:
    """Whether Slack's complaint points at a plan, or at no block at all."""
    pointed = [
        int(found[1])
        for detail in failure.details
        for found in re.finditer(r"/blocks/(\d+)", detail)
    ]
    plans = {at for at, block in enumerate(sent.blocks) if block["type"] == "plan"}
    return not pointed or not plans.isdisjoint(pointed)
