"""What Slack's answer means for a message, its thread and its channel, and writing that down."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.claims import Claim, finish, wake
from bot.db.clock import after
from bot.db.models import Channel, Delivery, Deployment, Message, MessageKind, Step, Workspace
from bot.db.session import Database
from bot.deployments import mail
from bot.messages import undeliverable
from bot.messages.body import Body
from bot.slack import outbox
from bot.slack.calls import WORKSPACE_ERRORS, Failure, Trouble

log = logs.get(__name__)

# Between repeats of a message that Slack refuses for a reason that may pass.
_RETRY_SECONDS = 5.0
_NOW = timedelta(0)


class Fates:
    """Records what became of messages.

    Args:
        on_root: Called after a root was posted or given up: its deployment may go on.
        find_admins: Lists the people to turn to when the person who asked can't be reached.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        on_root: Callable[[], None],
        find_admins: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self._database = database
        self._settings = settings
        self._on_root = on_root
        self._find_admins = find_admins

    async def posted(self, held: Claim, channel: Channel, job: outbox.Job, ts: str) -> bool:
        """A message stands in Slack. Returns False, and writes nothing, if the claim was lost."""
        message = job.message
        async with self._database.write() as session:
            if not await finish(
                session,
                Channel,
                held,
                due=_NOW,
                post_after=after(self._settings.slack_message_interval),
                stopped_reason=None,
            ):
                return False
            await outbox.write(
                session,
                message.id,
                delivery=Delivery.SENT,
                ts=ts,
                sent_version=message.version,
                due_at=None,
                failures=0,
            )
            if message.kind == MessageKind.ROOT and message.deployment_id is not None:
                await session.execute(
                    update(Deployment)
                    .where(Deployment.id == message.deployment_id)
                    .values(root_ts=ts)
                )
                await wake(session, Deployment, message.deployment_id)
        if channel.stopped_reason:
            log.info("channel takes messages again", channel=channel.address)
        if message.kind == MessageKind.ROOT:
            self._on_root()
        return True

    async def edited(self, held: Claim, workspace: Workspace, job: outbox.Job) -> None:
        """Slack shows the newest body."""
        async with self._database.write() as session:
            if await finish(session, Channel, held, due=_NOW):
                await outbox.write(
                    session, job.message.id, sent_version=job.message.version, due_at=None
                )
                await _pace(session, workspace, edit_after=self._settings.slack_edit_interval)

    async def repeat(self, held: Claim, job: outbox.Job, *, possible_repeat: bool) -> None:
        """A doubtful post is to be made again."""
        async with self._database.write() as session:
            if await finish(session, Channel, held, due=_NOW):
                await outbox.write(
                    session,
                    job.message.id,
                    delivery=Delivery.PENDING,
                    possible_repeat=possible_repeat,
                    due_at=None,
                )

    async def put_off(self, held: Claim, message: Message, seconds: float) -> None:
        """Look at the message again later; other threads of the channel go on."""
        async with self._database.write() as session:
            if await finish(session, Channel, held, due=_NOW):
                await outbox.write(session, message.id, due_at=after(seconds))

    async def root_gone(self, held: Claim, job: outbox.Job) -> None:
        """The thread lost its root: a new one is posted, and the thread goes on there."""
        message = job.message
        async with self._database.write() as session:
            if not await finish(session, Channel, held, due=_NOW):
                return
            if not job.is_edit:
                await outbox.write(session, message.id, delivery=Delivery.PENDING, due_at=None)
            if message.kind == MessageKind.CYCLE and job.is_edit:
                # Only this reply is gone; it is posted anew.
                await outbox.write(session, message.id, delivery=Delivery.PENDING, ts=None)
                return
            await session.execute(
                update(Message)
                .where(
                    Message.deployment_id == message.deployment_id,
                    Message.kind == MessageKind.ROOT,
                )
                .values(delivery=Delivery.PENDING, ts=None, due_at=None)
                .execution_options(synchronize_session=False)
            )
            await session.execute(
                update(Deployment)
                .where(Deployment.id == message.deployment_id)
                .values(root_ts=None)
                .execution_options(synchronize_session=False)
            )

    async def failed(
        self, held: Claim, channel: Channel, job: outbox.Job, failure: Failure
    ) -> None:
        """The message isn't in Slack, or may not be."""
        match failure.trouble:
            case Trouble.STOPPED:
                await self._stopped(held, channel, job, failure)
            case Trouble.LATER:
                await self._later(held, channel, job, failure)
            case Trouble.NEVER_LEFT:
                await self._again(held, job, _RETRY_SECONDS)
            case Trouble.DOUBTFUL:
                # It stays marked as sending: the next to claim the channel looks for it.
                await self.put_off(held, job.message, 1.0)
            case Trouble.GONE:
                await self.root_gone(held, job)
            case Trouble.REFUSED:
                await self._refused(held, channel, job, failure)

    async def _again(self, held: Claim, job: outbox.Job, seconds: float) -> None:
        async with self._database.write() as session:
            if await finish(session, Channel, held, due=_NOW):
                await self._unsent(session, job, seconds)

    async def _later(
        self, held: Claim, channel: Channel, job: outbox.Job, failure: Failure
    ) -> None:
        async with self._database.write() as session:
            if not await finish(session, Channel, held, due=_NOW):
                return
            await self._unsent(session, job, None)
            # Slack counts per method and workspace, so every channel of it waits.
            column = "edit_after" if job.is_edit else "post_after"
            await session.execute(
                update(Workspace)
                .where(Workspace.id == channel.workspace_row_id)
                .values({column: after(failure.retry_after)})
            )

    async def _refused(
        self, held: Claim, channel: Channel, job: outbox.Job, failure: Failure
    ) -> None:
        """Try it plainer: without a plan, then as text only; then set it aside."""
        message = job.message
        body = Body.model_validate(message.body)
        async with self._database.write() as session:
            if not await finish(session, Channel, held, due=_NOW):
                return
            workspace = await session.get_one(Workspace, channel.workspace_row_id)
            await self._unsent(session, job, None)
            if body.has_plan and not workspace.plan_refused and "blocks" in failure.error:
                await session.execute(
                    update(Workspace).where(Workspace.id == workspace.id).values(plan_refused=True)
                )
            elif not message.text_only:
                await outbox.write(session, message.id, text_only=True)
            else:
                log.error("message set aside", error=failure.error, row=message.id)
                await self._set_aside(session, job)

    async def _set_aside(self, session: AsyncSession, job: outbox.Job) -> None:
        if job.is_edit:
            await outbox.write(session, job.message.id, sent_version=job.message.version)
            return
        await outbox.write(session, job.message.id, delivery=Delivery.DROPPED)
        if job.message.kind == MessageKind.ROOT and job.message.deployment_id is not None:
            await wake(session, Deployment, job.message.deployment_id)

    async def _stopped(
        self, held: Claim, channel: Channel, job: outbox.Job, failure: Failure
    ) -> None:
        """Stop posting here; tell the people concerned elsewhere; look again later."""
        pause = timedelta(seconds=self._settings.slack_stopped_retry)
        message = job.message
        log.warning("channel takes no messages", channel=channel.address, error=failure.error)
        is_direct = message.kind in {MessageKind.DIRECT, MessageKind.DIRECT_TO_ADMIN}
        admins = await self._find_admins() if is_direct else ()
        async with self._database.write() as session:
            newly = channel.stopped_reason is None
            if not await finish(
                session,
                Channel,
                held,
                due=pause,
                stopped_reason=failure.error,
                post_after=after(pause),
            ):
                return
            await self._unsent(session, job, None)
            if is_direct:
                await outbox.write(session, message.id, delivery=Delivery.DROPPED)
                await self._turn_to_admin(session, channel, message, admins)
                return
            await self._give_up_unmade(session, channel, failure.error)
            if newly and failure.error not in WORKSPACE_ERRORS:
                await self._tell_requesters(session, channel, failure.error)
        self._on_root()

    async def _give_up_unmade(self, session: AsyncSession, channel: Channel, error: str) -> None:
        """Nothing is created that its thread couldn't tell about."""
        unmade = (
            await session.scalars(
                select(Deployment).where(
                    Deployment.channel_row_id == channel.id,
                    Deployment.step == Step.ASKED,
                    Deployment.root_ts.is_(None),
                )
            )
        ).all()
        for deployment in unmade:
            deployment.step = Step.REFUSED
            deployment.due_at = None
            await session.execute(
                update(Message)
                .where(Message.deployment_id == deployment.id)
                .values(delivery=Delivery.DROPPED)
            )
            body = undeliverable.nothing_made(deployment.name, deployment.channel_id, error)
            await mail.send_direct(session, channel.workspace_row_id, deployment.requester_id, body)

    async def _tell_requesters(self, session: AsyncSession, channel: Channel, error: str) -> None:
        watched = (
            await session.scalars(
                select(Deployment).where(
                    Deployment.channel_row_id == channel.id,
                    Deployment.step.in_(
                        [Step.SENDING, Step.MADE, Step.DOUBTFUL, Step.UNCLEAR, Step.LIVE]
                    ),
                )
            )
        ).all()
        for person in sorted({deployment.requester_id for deployment in watched}):
            theirs = [
                (deployment.name, deployment.price_per_hour)
                for deployment in watched
                if deployment.requester_id == person
            ]
            body = undeliverable.still_watched(theirs, watched[0].channel_id, error)
            await mail.send_direct(session, channel.workspace_row_id, person, body)

    async def _turn_to_admin(
        self, session: AsyncSession, channel: Channel, message: Message, admins: Sequence[str]
    ) -> None:
        person = channel.address.removeprefix("@")
        body = Body.model_validate(message.body)
        if message.kind == MessageKind.DIRECT:
            remaining = [admin for admin in admins if admin != person]
            body = undeliverable.for_admin(body, person)
        else:
            remaining = list(admins[admins.index(person) + 1 :]) if person in admins else []
        if not remaining:
            log.error("nobody could be told", row=message.id)
            return
        await mail.send_direct(
            session,
            channel.workspace_row_id,
            remaining[0],
            body,
            kind=MessageKind.DIRECT_TO_ADMIN,
        )

    async def _unsent(self, session: AsyncSession, job: outbox.Job, seconds: float | None) -> None:
        due_at = None if seconds is None else after(seconds)
        if job.is_edit:
            await outbox.write(session, job.message.id, due_at=due_at)
        else:
            await outbox.write(session, job.message.id, delivery=Delivery.PENDING, due_at=due_at)


async def _pace(session: AsyncSession, workspace: Workspace, *, edit_after: float) -> None:
    await session.execute(
        update(Workspace).where(Workspace.id == workspace.id).values(edit_after=after(edit_after))
    )
