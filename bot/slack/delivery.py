"""Delivers the outbox to Slack: one worker per claimed channel, one message at a time.

chat.postMessage has no idempotency key. A message is marked as sending before its request leaves;
if the outcome is unknown, it is searched for in the channel's history before it is posted again.

      not done (no connection, 429, refused), or not found by three searches over a minute;
      history unreadable: posted again as a possible repeat
           ┌───────────────────────────────────────────────┐
           ▼            committed before the request       │      search again
    ──▶ PENDING ──────────────────────────────────────▶ SENDING ◀─┐ after an unknown outcome
           ▲                                             │    └───┘ or a takeover
           │                                             │ posted, or found
           │   root or edited message gone: post again   ▼
           └─────────────────────────────────────────── SENT ◀──┐ edit,
                                                         └──────┘ if version > sent_version

    PENDING, SENDING ──▶ DROPPED: refused even as text only, a person or, for a notice, a channel
                         that can't be reached, or a deployment refused before its root was posted
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.config import Settings
from bot.db.claims import Claim
from bot.db.message_tables import Channel
from bot.db.session import Database
from bot.domain.delivery import Delivery, MessageKind
from bot.domain.process import correlation
from bot.domain.process.metrics import MESSAGES
from bot.messages.body import Body
from bot.slack import history
from bot.slack.calls import WORKSPACE_ERRORS, ErrorKind, Failure, attempt
from bot.slack.clients import SlackClients, SlackUnreachableError
from bot.slack.delivery_store import ClaimLostError, DeliveryStore
from bot.slack.next_message import OutboxJob

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_READS_BEFORE_REPEAT = 3
_PLAN_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format"})


class Sender:
    """Handles claimed channels.

    Args:
        find_admins: Lists the people to write to when a requester is unreachable.
    """

    def __init__(
        self,
        database: Database,
        clients: SlackClients,
        settings: Settings,
        *,
        find_admins: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self._clients = clients
        self._client = clients.posting
        self._settings = settings
        self._find_admins = find_admins
        self._store = DeliveryStore(database, settings)
        self._history = history.History(clients, settings)
        # After requests that may arrive late.
        self._repairs: set[asyncio.Task[None]] = set()

    async def handle(self, claim: Claim) -> None:
        try:
            job = await self._store.next_job(claim)
            if job is not None:
                await self._deliver(job)
        except ClaimLostError:
            log.info("claim lost", row=claim.id)

    async def close(self) -> None:
        for task in self._repairs:
            task.cancel()
        await asyncio.gather(*self._repairs, return_exceptions=True)

    async def _deliver(self, job: OutboxJob) -> None:
        correlation.bind(
            job.message.reference, deployment=job.public_id, channel=job.channel.address
        )
        channel_id = await self._channel_id(job.channel)
        if isinstance(channel_id, Failure):
            await self._failed(job, channel_id)
        elif job.is_edit:
            await self._edit(job, channel_id)
        elif job.message.delivery == Delivery.SENDING:
            await self._reconcile(job, channel_id)
        else:
            await self._post(job, channel_id)

    async def _channel_id(self, channel: Channel) -> str | Failure:
        # Posts nothing before Slack has accepted the token once.
        try:
            await self._clients.identity()
        except SlackUnreachableError as error:
            is_refused = error.error in WORKSPACE_ERRORS
            return Failure(ErrorKind.STOPPED if is_refused else ErrorKind.NOT_SENT, error.error)
        if channel.channel_id is not None:
            return channel.channel_id
        answer = await attempt(
            self._clients.reading.conversations_open(users=channel.address.removeprefix("@"))
        )
        if isinstance(answer, Failure):
            is_refused = answer.kind in (ErrorKind.REFUSED, ErrorKind.GONE)
            return Failure(ErrorKind.STOPPED, answer.error) if is_refused else answer
        opened = answer.get("channel")
        id_ = opened.get("id") if isinstance(opened, dict) else None
        return id_ if isinstance(id_, str) else Failure(ErrorKind.NOT_SENT, "no_channel_id")

    async def _post(self, job: OutboxJob, channel_id: str) -> None:
        started = time.monotonic()
        if not await self._store.start(job):
            return
        if time.monotonic() - started > self._settings.lease / 3:
            # The commit stalled, so the claim may be lost. The request hasn't left yet.
            await self._failed(job, Failure(ErrorKind.NOT_SENT, "stalled"))
            return
        body = _body(job)
        try:
            answer = await attempt(
                self._client.chat_postMessage(
                    channel=channel_id,
                    thread_ts=job.thread_ts,
                    reply_broadcast=job.message.broadcast if job.thread_ts else None,
                    unfurl_links=False,
                    unfurl_media=False,
                    text=body.text,
                    blocks=body.blocks or None,
                    metadata=history.metadata(job.public_id, job.sequence),
                )
            )
            ts = None if isinstance(answer, Failure) else answer.get("ts")
            if isinstance(answer, Failure) or not isinstance(ts, str):
                await self._failed(job, answer if isinstance(answer, Failure) else _NO_TS, body)
                return
        except (ClaimLostError, asyncio.CancelledError):
            # The request may arrive only now, after the search of the worker that took over.
            self._repair(self._delete_late_copies(job, channel_id))
            raise
        if await self._is_misplaced(job, channel_id, answer, ts):
            await self._replace_root(job, channel_id, [ts])
        elif not await self._posted(job, channel_id, ts):
            await self._history.delete_repeat(channel_id, ts)

    async def _edit(self, job: OutboxJob, channel_id: str) -> None:
        if not await self._store.start(job):
            return
        body = _body(job)
        try:
            answer = await attempt(
                self._client.chat_update(
                    channel=channel_id,
                    ts=job.message.ts or "",
                    text=body.text,
                    blocks=body.blocks or None,
                    metadata=history.metadata(job.public_id, job.sequence),
                )
            )
            if isinstance(answer, Failure):
                await self._failed(job, answer, body)
                return
            MESSAGES.labels("edited").inc()
            await self._store.edited(job)
            log.info("delivered", kind=job.message.kind, is_edit=True, ts=job.message.ts)
        except ClaimLostError:
            await self._store.edit_again(job)
            raise
        except asyncio.CancelledError:
            # The request may arrive only now, after a newer edit by the worker that took over.
            self._repair(self._edit_after_late_edit(job))
            raise

    async def _posted(self, job: OutboxJob, channel_id: str, ts: str) -> bool:
        MESSAGES.labels("posted").inc()
        counts = await self._store.posted(job, channel_id, ts)
        if counts:
            log.info("delivered", kind=job.message.kind, sequence=job.message.sequence, ts=ts)
        if job.channel.stopped_reason:
            log.info("channel accepts messages again", channel=job.channel.address)
        return counts

    async def _failed(self, job: OutboxJob, failure: Failure, sent: Body | None = None) -> None:
        """Record a failed attempt; `sent` is the body in the request, None for a call before it."""
        MESSAGES.labels(failure.kind).inc()
        match failure.kind:
            case ErrorKind.STOPPED:
                await self._stopped(job, failure.error)
            case ErrorKind.RETRY_LATER:
                await self._store.rate_limited(job, failure.retry_after)
            case ErrorKind.OUTCOME_UNKNOWN if sent is not None and not job.is_edit:
                await self._store.outcome_unknown(job)
            case ErrorKind.GONE if sent is not None:
                await self._store.root_gone(job)
            case ErrorKind.REFUSED if sent is not None:
                await self._refused(job, failure, sent)
            case _:
                await self._store.retry(job)

    async def _refused(self, job: OutboxJob, failure: Failure, sent: Body) -> None:
        if sent.has_plan and failure.error in _PLAN_ERRORS and _is_about_plan(failure, sent):
            log.info("workspace refuses plan blocks", error=failure.error)
            await self._store.refuse_plans(job)
        elif not job.message.text_only:
            log.warning(
                "message refused, sending text only", error=failure.error, row=job.message.id
            )
            await self._store.send_text_only(job)
        else:
            log.error("message dropped", error=failure.error, row=job.message.id)
            await self._store.drop(job)

    async def _stopped(self, job: OutboxJob, error: str) -> None:
        log.warning("channel accepts no messages", channel=job.channel.address, error=error)
        reaches_no_one = error in WORKSPACE_ERRORS
        if job.message.kind == MessageKind.NOTICE and not reaches_no_one:
            await self._store.drop(job)
            return
        if not job.is_direct or reaches_no_one:
            # While the whole workspace was stopped, nobody could be notified.
            before = job.channel.stopped_reason
            is_news = before is None or before in WORKSPACE_ERRORS
            await self._store.stop_channel(job, error, notify=is_news and not reaches_no_one)
            return
        try:
            async with asyncio.timeout(self._settings.lease / 3):
                admins = await self._find_admins()
        except TimeoutError:
            await self._store.retry(job)
        else:
            await self._store.forward_to_admin(job, error, admins)

    async def _reconcile(self, job: OutboxJob, channel_id: str) -> None:
        match await self._history.find(job, channel_id):
            case history.ReadLater(seconds):
                await self._store.search_later(job, seconds)
            case history.Unreadable(error):
                log.info(
                    "history unreadable, posting a possible repeat", error=error, row=job.message.id
                )
                await self._store.post_possible_repeat(job)
            case Failure() as failure:
                await self._failed(job, failure)
            case []:
                # History lags: only several reads over a while prove that a message is absent.
                reads = job.message.reads + 1
                if reads < _READS_BEFORE_REPEAT:
                    pause = self._settings.slack_reconcile_over / (_READS_BEFORE_REPEAT - 1)
                    await self._store.search_later(job, pause, reads=reads)
                else:
                    await self._store.post_again(job)
            case copies:
                await self._found(job, channel_id, copies)

    async def _found(self, job: OutboxJob, channel_id: str, copies: Sequence[history.Copy]) -> None:
        in_thread = [copy.ts for copy in copies if copy.thread_ts == job.thread_ts]
        if not in_thread:
            await self._replace_root(job, channel_id, [copy.ts for copy in copies])
            return
        first, *later = in_thread
        if await self._delete_all(job, channel_id, later):
            await self._posted(job, channel_id, first)

    async def _is_misplaced(
        self, job: OutboxJob, channel_id: str, answer: Mapping[str, object], ts: str
    ) -> bool:
        """Whether a reply is at the channel's top level, where Slack posts it if its root is gone.

        The answer then lacks `thread_ts`. The thread is read too: moving it in error would repeat
        messages.
        """
        posted = answer.get("message")
        if job.thread_ts is None or not isinstance(posted, dict) or "thread_ts" in posted:
            return False
        return not await self._history.is_in_thread(channel_id, job.thread_ts, ts)

    async def _replace_root(self, job: OutboxJob, channel_id: str, copies: Sequence[str]) -> None:
        if await self._delete_all(job, channel_id, copies):
            await self._store.root_gone(job)

    async def _delete_all(self, job: OutboxJob, channel_id: str, copies: Sequence[str]) -> bool:
        """Delete copies; if one stays, the message is searched for again."""
        failure = await self._history.delete(channel_id, copies)
        if failure is not None:
            await self._store.search_later(job, max(1.0, failure.retry_after))
        return failure is None

    def _repair(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._repairs.add(task)
        task.add_done_callback(self._repairs.discard)

    async def _delete_late_copies(self, job: OutboxJob, channel_id: str) -> None:
        for _ in range(_READS_BEFORE_REPEAT):
            await self._wait_for_arrival()
            copies = await self._history.find(job, channel_id)
            try:
                counting = await self._store.recorded_ts(job)
            except (SQLAlchemyError, OSError):
                continue
            if counting is None or not isinstance(copies, list):
                continue
            for copy in copies:
                if copy.ts != counting and copy.thread_ts == job.thread_ts:
                    await self._history.delete_repeat(channel_id, copy.ts)

    async def _edit_after_late_edit(self, job: OutboxJob) -> None:
        for _ in range(_READS_BEFORE_REPEAT):
            await self._wait_for_arrival()
            with contextlib.suppress(SQLAlchemyError, OSError):
                await self._store.edit_again(job)

    async def _wait_for_arrival(self) -> None:
        await asyncio.sleep(self._settings.slack_reconcile_over / _READS_BEFORE_REPEAT)


_NO_TS = Failure(ErrorKind.OUTCOME_UNKNOWN, "no_ts")


def _body(job: OutboxJob) -> Body:
    body = Body.model_validate(job.message.body)
    if job.message.possible_repeat:
        body = body.as_possible_repeat()
    if job.workspace.plan_refused:
        body = body.without_plan()
    # Text without blocks: an edit removes the old ones.
    return Body(text=body.text, blocks=[]) if job.message.text_only else body


def _is_about_plan(failure: Failure, sent: Body) -> bool:
    """Whether Slack's error points at a plan block, or at no block."""
    named = [
        int(found[1])
        for detail in failure.details
        for found in re.finditer(r"/blocks/(\d+)", detail)
    ]
    plans = {index for index, block in enumerate(sent.blocks) if block["type"] == "plan"}
    return not named or not plans.isdisjoint(named)
