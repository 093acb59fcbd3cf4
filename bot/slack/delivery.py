"""Sends the outbox to Slack, one channel at a time, so that every message stands there once.

chat.postMessage has no idempotency key. A message is marked as sending before it is posted; if
nobody learned what became of it, it is looked for in the channel's history before it is posted
again. What each of Slack's answers means for a message stands in `bot.slack.delivery_result`.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping, Sequence

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import SQLAlchemyError

from bot.config import Settings
from bot.db.claims import Claim, release
from bot.db.message_tables import Channel, Workspace
from bot.db.session import Database
from bot.domain.delivery import Delivery
from bot.domain.process import correlation
from bot.domain.process.metrics import MESSAGES
from bot.messages.body import Body
from bot.slack import history, next_message
from bot.slack.calls import WORKSPACE_ERRORS, ErrorKind, Failure, attempt
from bot.slack.delivery_result import DeliveryResults
from bot.slack.delivery_store import ClaimLostError
from bot.slack.workspaces import SlackUnreachableError, Workspaces

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_READS_BEFORE_REPEAT = 3
# Our clock may be ahead of Slack's, whose timestamps the history is searched by.
_HISTORY_MARGIN = 300.0
_DELETE_ATTEMPTS = 3
_LATER = (ErrorKind.LATER, ErrorKind.NEVER_LEFT, ErrorKind.OUTCOME_UNKNOWN)


class Sender:
    """Handles one claimed channel: sends its next message and puts it back."""

    def __init__(
        self, database: Database, workspaces: Workspaces, settings: Settings, fate: DeliveryResults
    ) -> None:
        self._database = database
        self._workspaces = workspaces
        self._settings = settings
        self._fate = fate
        self._store = fate.ledger
        # What looks after requests that may leave when nobody waits for them any more.
        self._mending: set[asyncio.Task[None]] = set()

    async def handle(self, claim: Claim) -> None:
        """Send the next message of a channel, or find out what became of the last one."""
        try:
            await self._next(claim)
        except ClaimLostError:
            log.info("claim lost", row=claim.id)

    async def close(self) -> None:
        """Look for nothing any more."""
        for task in self._mending:
            task.cancel()
        await asyncio.gather(*self._mending, return_exceptions=True)

    async def _next(self, claim: Claim) -> None:
        interval = self._settings.slack_edit_interval
        async with self._database.read() as session:
            channel = await session.get_one(Channel, claim.id)
            workspace = await session.get_one(Workspace, channel.workspace_row_id)
            ahead = await next_message.next_message_of(
                session, channel, workspace, edit_interval=interval
            )
        job = ahead.job
        if job is None:
            async with self._database.write() as session:
                await release(session, Channel, claim, due=ahead.wait)
            return
        correlation.bind(job.message.reference, deployment=job.public_id, channel=channel.address)
        address = await self._address(channel)
        if isinstance(address, Failure):
            await self._fate.failed(claim, channel, job, address)
        elif job.is_edit:
            await self._edit(claim, channel, workspace, job, address)
        elif job.message.delivery == Delivery.SENDING:
            await self._reconcile(claim, channel, job, address)
        else:
            await self._post(claim, channel, workspace, job, address)

    async def _post(
        self,
        claim: Claim,
        channel: Channel,
        workspace: Workspace,
        job: next_message.OutboxJob,
        address: str,
    ) -> None:
        started = time.monotonic()
        if not await self._store.sending(claim, job):
            return
        if time.monotonic() - started > self._settings.lease / 3:
            # We were stalled, and may have lost the claim: nothing has left yet.
            stalled = Failure(ErrorKind.NEVER_LEFT, "stalled")
            await self._fate.failed(claim, channel, job, stalled)
            return
        body = _body(job, workspace)
        try:
            answer = await attempt(
                self._client.chat_postMessage(
                    channel=address,
                    thread_ts=job.thread_ts,
                    reply_broadcast=job.message.broadcast if job.thread_ts else None,
                    unfurl_links=False,
                    unfurl_media=False,
                    text=body.text,
                    blocks=body.blocks or None,
                    metadata=history.metadata(job.public_id, job.sequence),
                )
            )
            ts = answer.get("ts") if not isinstance(answer, Failure) else None
            if isinstance(answer, Failure) or not isinstance(ts, str):
                failure = answer if isinstance(answer, Failure) else _NO_TS
                await self._fate.failed(claim, channel, job, failure, body)
                return
        except (ClaimLostError, asyncio.CancelledError):
            # It may leave only now, after whoever took over has looked for it.
            self._afterwards(self._recall(job, address))
            raise
        if await self._is_misplaced(job, address, answer, ts):
            await self._misplaced(claim, job, address, [ts])
        elif not await self._fate.posted(claim, channel, job, ts, address=address):
            await self._take_back(address, ts)

    async def _edit(
        self,
        claim: Claim,
        channel: Channel,
        workspace: Workspace,
        job: next_message.OutboxJob,
        address: str,
    ) -> None:
        if not await self._store.editing(claim, channel):
            return
        body = _body(job, workspace)
        try:
            answer = await attempt(
                self._client.chat_update(
                    channel=address,
                    ts=job.message.ts or "",
                    text=body.text,
                    blocks=body.blocks or None,
                    metadata=history.metadata(job.public_id, job.sequence),
                )
            )
            if isinstance(answer, Failure):
                await self._fate.failed(claim, channel, job, answer, body)
            else:
                MESSAGES.labels("edited").inc()
                await self._store.edited(claim, job)
                log.info("delivered", kind=job.message.kind, is_edit=True, ts=job.message.ts)
        except ClaimLostError:
            await self._store.edit_again(job)
            raise
        except asyncio.CancelledError:
            # It may leave only now, after whoever took over has made a newer one.
            self._afterwards(self._cover(job))
            raise

    async def _reconcile(
        self, claim: Claim, channel: Channel, job: next_message.OutboxJob, address: str
    ) -> None:
        """Look for a message whose post was doubtful; post it again once it surely isn't there."""
        match await self._find(job, address):
            case history.ReadLater(seconds):
                await self._store.put_off(claim, job, seconds)
            case history.Unreadable(error):
                log.info("history unreadable, posting once more", error=error, row=job.message.id)
                await self._store.repeat_blindly(claim, job)
            case Failure() as failure:
                await self._fate.failed(claim, channel, job, failure)
            case []:
                await self._not_found(claim, job)
            case copies:
                await self._found(claim, channel, job, address, copies)

    async def _find(self, job: next_message.OutboxJob, address: str) -> history.Found:
        message = job.message
        since = message.sending_since.timestamp() if message.sending_since else 0.0
        oldest = f"{max(0.0, since - _HISTORY_MARGIN):.6f}"
        try:
            async with asyncio.timeout(self._settings.lease / 2):
                return await history.find(
                    self._client,
                    author=await self._workspaces.identity(),
                    channel=address,
                    public_id=job.public_id,
                    sequence=job.sequence,
                    thread_ts=job.thread_ts,
                    # A root that was posted anew isn't the one before, which may stand there yet.
                    oldest=max(oldest, message.ts or "0", key=float),
                )
        except (SlackUnreachableError, TimeoutError):
            return history.ReadLater(self._settings.slack_timeout)

    async def _found(
        self,
        claim: Claim,
        channel: Channel,
        job: next_message.OutboxJob,
        address: str,
        copies: Sequence[history.Copy],
    ) -> None:
        in_place = [copy.ts for copy in copies if copy.thread_ts == job.thread_ts]
        if not in_place:
            await self._misplaced(claim, job, address, [copy.ts for copy in copies])
            return
        first, *later = in_place
        if await self._delete_all(claim, job, address, later):
            await self._fate.posted(claim, channel, job, first, address=address)

    async def _is_misplaced(
        self, job: next_message.OutboxJob, address: str, answer: Mapping[str, object], ts: str
    ) -> bool:
        """Whether a reply went to the channel's top level: Slack puts it there without its root.

        Its answer lacks `thread_ts` then. To post everything anew for an answer that is merely
        short would be worse than to look, so its thread is read first.
        """
        posted = answer.get("message")
        if job.thread_ts is None or not isinstance(posted, dict) or "thread_ts" in posted:
            return False
        return not await history.is_in_thread(
            self._client, channel=address, thread_ts=job.thread_ts, ts=ts
        )

    async def _misplaced(
        self, claim: Claim, job: next_message.OutboxJob, address: str, copies: Sequence[str]
    ) -> None:
        """A reply stands at the channel's top level: its root is gone."""
        if await self._delete_all(claim, job, address, copies):
            await self._store.root_gone(claim, job)

    async def _not_found(self, claim: Claim, job: next_message.OutboxJob) -> None:
        # History lags behind what is posted: only several reads over a while prove absence.
        reads = job.message.reads + 1
        if reads < _READS_BEFORE_REPEAT:
            pause = self._settings.slack_reconcile_over / (_READS_BEFORE_REPEAT - 1)
            await self._store.put_off(claim, job, pause, reads=reads)
        else:
            await self._store.repeat(claim, job)

    async def _take_back(self, address: str, ts: str) -> None:
        """Another copy counts, or none is wanted any more: ours goes."""
        for _ in range(_DELETE_ATTEMPTS):
            failure = await self._delete(address, ts)
            if failure is None or failure.trouble not in _LATER:
                return
            await asyncio.sleep(failure.retry_after)
        log.error("a repeated message stays", channel=address, ts=ts)

    def _afterwards(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    async def _cover(self, job: next_message.OutboxJob) -> None:
        """Draw anew what an edit may have covered whose fate nobody learned."""
        for _ in range(_READS_BEFORE_REPEAT):
            await self._let_it_arrive()
            with contextlib.suppress(SQLAlchemyError, OSError):
                await self._store.edit_again(job)

    async def _let_it_arrive(self) -> None:
        await asyncio.sleep(self._settings.slack_reconcile_over / _READS_BEFORE_REPEAT)

    async def _recall(self, job: next_message.OutboxJob, address: str) -> None:
        """Take back what nobody learned the fate of, once another copy counts."""
        for _ in range(_READS_BEFORE_REPEAT):
            await self._let_it_arrive()
            copies = await self._find(job, address)
            try:
                counts = await self._store.counting(job)
            except (SQLAlchemyError, OSError):
                continue
            if counts is None or not isinstance(copies, list):
                continue
            for copy in copies:
                if copy.ts != counts and copy.thread_ts == job.thread_ts:
                    await self._take_back(address, copy.ts)

    async def _delete_all(
        self, claim: Claim, job: next_message.OutboxJob, address: str, copies: Sequence[str]
    ) -> bool:
        """Delete copies of a message that is still marked as sending.

        Returns:
            Whether they are gone; if not, the message is put off and they are found again.
        """
        for ts in copies:
            failure = await self._delete(address, ts)
            if failure is not None and failure.trouble in _LATER:
                await self._store.put_off(claim, job, max(1.0, failure.retry_after))
                return False
        return True

    async def _delete(self, address: str, ts: str) -> Failure | None:
        answer = await attempt(self._client.chat_delete(channel=address, ts=ts))
        if not isinstance(answer, Failure) or answer.error == "message_not_found":
            return None
        log.warning("couldn't delete a message", error=answer.error, channel=address, ts=ts)
        return answer

    async def _address(self, channel: Channel) -> str | Failure:
        """The id to post to; a person's direct-message channel is opened first."""
        # Asked here, so that nothing is posted before Slack has taken our token once.
        try:
            await self._workspaces.identity()
        except SlackUnreachableError as error:
            refused = error.error in WORKSPACE_ERRORS
            return Failure(ErrorKind.STOPPED if refused else ErrorKind.NEVER_LEFT, error.error)
        if channel.channel_id is not None:
            return channel.channel_id
        answer = await attempt(
            self._workspaces.reading.conversations_open(users=channel.address.removeprefix("@"))
        )
        if isinstance(answer, Failure):
            refused = answer.trouble in (ErrorKind.REFUSED, ErrorKind.GONE)
            return Failure(ErrorKind.STOPPED, answer.error) if refused else answer
        opened = answer.get("channel")
        id_ = opened.get("id") if isinstance(opened, dict) else None
        return id_ if isinstance(id_, str) else Failure(ErrorKind.NEVER_LEFT, "no_channel_id")

    @property
    def _client(self) -> AsyncWebClient:
        return self._workspaces.posting


_NO_TS = Failure(ErrorKind.OUTCOME_UNKNOWN, "no_ts")


def _body(job: next_message.OutboxJob, workspace: Workspace) -> Body:
    body = Body.model_validate(job.message.body)
    if job.message.possible_repeat:
        body = body.as_possible_repeat()
    if workspace.plan_refused:
        body = body.without_plan()
    # Text without blocks: an edit then removes the ones that stood there.
    return Body(text=body.text, blocks=[]) if job.message.text_only else body
