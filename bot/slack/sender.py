"""Sends the outbox to Slack, one channel at a time, so that every message stands there once.

chat.postMessage has no idempotency key. A message is marked as sending before it is posted; if
nobody learned what became of it, it is looked for in the channel's history before it is posted
again. What each of Slack's answers means for a message stands in `bot.slack.fates`.
"""

import time
from datetime import timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot import logs
from bot.config import Settings
from bot.db.claims import Claim, finish, keep
from bot.db.clock import now
from bot.db.models import Channel, Delivery, Message, Workspace
from bot.db.session import Database
from bot.messages.body import Body
from bot.slack import fates, history, outbox
from bot.slack.calls import Failure, Trouble, attempt
from bot.slack.workspaces import SlackUnreachableError, Workspaces

log = logs.get(__name__)

_READS_BEFORE_REPEAT = 3
# Our clock may be ahead of Slack's, whose timestamps the history is searched by.
_HISTORY_MARGIN = 300.0


class Sender:
    """Handles one claimed channel: sends its next message and puts it back."""

    def __init__(
        self, database: Database, workspaces: Workspaces, settings: Settings, fate: fates.Fates
    ) -> None:
        self._database = database
        self._workspaces = workspaces
        self._settings = settings
        self._fate = fate
        self._lease = timedelta(seconds=settings.lease)

    async def handle(self, held: Claim) -> None:
        """Send the next message of a channel, or find out what became of the last one."""
        async with self._database.read() as session:
            channel = await session.get_one(Channel, held.id)
            workspace = await session.get_one(Workspace, channel.workspace_row_id)
            ahead = await outbox.outlook(session, channel, workspace)
        job = ahead.job
        if job is None:
            async with self._database.write() as session:
                await finish(session, Channel, held, due=ahead.wait)
            return
        try:
            address = await self._address(channel)
        except SlackUnreachableError:
            await self._put_off(held, job.message, 5.0)
            return
        if isinstance(address, Failure):
            await self._fate.failed(held, channel, job, address)
            return
        if job.is_edit:
            await self._edit(held, channel, workspace, job, address)
        elif job.message.delivery == Delivery.SENDING:
            await self._reconcile(held, channel, job, address)
        else:
            await self._post(held, channel, workspace, job, address)

    async def _post(
        self, held: Claim, channel: Channel, workspace: Workspace, job: outbox.Job, address: str
    ) -> None:
        started = time.monotonic()
        async with self._database.write() as session:
            if not await keep(session, Channel, held, lease=self._lease):
                return
            await outbox.write(
                session, job.message.id, delivery=Delivery.SENDING, sending_since=now(), reads=0
            )
        if time.monotonic() - started > self._settings.lease / 3:
            # We were stalled: someone else may have taken over. The lease decides, not we.
            return
        body = self._body(job, workspace)
        answer = await attempt(
            self._client.chat_postMessage(
                channel=address,
                thread_ts=job.root_ts,
                reply_broadcast=job.message.broadcast if job.root_ts else None,
                unfurl_links=False,
                unfurl_media=False,
                text=body.text,
                blocks=body.blocks or None,
                metadata=_metadata(job),
            )
        )
        if isinstance(answer, Failure):
            await self._fate.failed(held, channel, job, answer)
            return
        ts = str(answer["ts"])
        posted = answer.get("message")
        in_thread = isinstance(posted, dict) and "thread_ts" in posted
        if job.root_ts is not None and not in_thread:
            # Slack posts a reply at the top level when its root was deleted.
            await self._delete(address, ts)
            await self._fate.root_gone(held, job)
        elif not await self._fate.posted(held, channel, job, ts):
            await self._take_back(job.message.id, address, ts)

    async def _edit(
        self, held: Claim, channel: Channel, workspace: Workspace, job: outbox.Job, address: str
    ) -> None:
        body = self._body(job, workspace)
        answer = await attempt(
            self._client.chat_update(
                channel=address,
                ts=job.message.ts or "",
                text=body.text,
                blocks=body.blocks or None,
                metadata=_metadata(job),
            )
        )
        if not isinstance(answer, Failure):
            await self._fate.edited(held, workspace, job)
        elif answer.trouble is Trouble.DOUBTFUL:
            # An edit may be repeated: it says the same the second time.
            await self._put_off(held, job.message, 2.0)
        else:
            await self._fate.failed(held, channel, job, answer)

    async def _reconcile(
        self, held: Claim, channel: Channel, job: outbox.Job, address: str
    ) -> None:
        """Look for a message whose post was doubtful; post it again once it surely isn't there."""
        message = job.message
        since = message.sending_since.timestamp() if message.sending_since else 0.0
        found = await history.find(
            self._workspaces.reading,
            channel=address,
            public_id=job.public_id,
            sequence=message.sequence if message.sequence is not None else message.id,
            root_ts=job.root_ts,
            oldest=max(0.0, since - _HISTORY_MARGIN),
        )
        match found:
            case history.ReadLater(seconds):
                await self._put_off(held, message, seconds)
            case history.Unreadable(error):
                log.info("history unreadable, posting once more", error=error, row=message.id)
                await self._fate.repeat(held, job, possible_repeat=True)
            case [first, *later]:
                for ts in later:
                    await self._delete(address, ts)
                await self._fate.posted(held, channel, job, first)
            case _:
                await self._not_found(held, job)

    async def _not_found(self, held: Claim, job: outbox.Job) -> None:
        # History lags behind what is posted: only several reads over a while prove absence.
        reads = job.message.reads + 1
        if reads < _READS_BEFORE_REPEAT:
            pause = self._settings.slack_reconcile_over / (_READS_BEFORE_REPEAT - 1)
            async with self._database.write() as session:
                if await keep(session, Channel, held, lease=self._lease):
                    await outbox.write(session, job.message.id, reads=reads)
            await self._put_off(held, job.message, pause)
        else:
            await self._fate.repeat(held, job, possible_repeat=False)

    async def _take_back(self, message_id: int, address: str, ts: str) -> None:
        """We posted after our claim had passed to someone else: don't leave two copies."""
        async with self._database.read() as session:
            message = await session.get_one(Message, message_id)
        if message.ts is not None and message.ts != ts:
            await self._delete(address, ts)
        # Otherwise whoever holds the claim now finds this copy in the history.

    async def _put_off(self, held: Claim, message: Message, seconds: float) -> None:
        await self._fate.put_off(held, message, seconds)

    async def _address(self, channel: Channel) -> str | Failure:
        """The id to post to; a person's direct-message channel is opened first."""
        # Asked here, so that nothing is posted before Slack has taken our token once.
        await self._workspaces.identity()
        if channel.channel_id is not None:
            return channel.channel_id
        answer = await attempt(
            self._workspaces.reading.conversations_open(users=channel.address.removeprefix("@"))
        )
        if isinstance(answer, Failure):
            return answer
        opened = answer.get("channel")
        return str(opened["id"]) if isinstance(opened, dict) else Failure(Trouble.DOUBTFUL, "no_id")

    async def _delete(self, address: str, ts: str) -> None:
        answer = await attempt(self._client.chat_delete(channel=address, ts=ts))
        if isinstance(answer, Failure):
            log.warning("couldn't delete a repeated message", error=answer.error)

    @property
    def _client(self) -> AsyncWebClient:
        return self._workspaces.posting

    def _body(self, job: outbox.Job, workspace: Workspace) -> Body:
        body = Body.model_validate(job.message.body)
        if job.message.possible_repeat:
            body = body.as_possible_repeat()
        if workspace.plan_refused:
            body = body.without_plan()
        # Text without blocks: an edit then removes the ones that stood there.
        return Body(text=body.text, blocks=[]) if job.message.text_only else body


def _metadata(job: outbox.Job) -> dict[str, object]:
    message = job.message
    return history.metadata(
        job.public_id, message.sequence if message.sequence is not None else message.id
    )
