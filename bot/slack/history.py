"""Finds the copies of a message in Slack, and deletes those that don't count."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog
from pydantic import BaseModel, ValidationError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config import Settings
from bot.slack.calls import ErrorKind, Failure, attempt, items, read_pages
from bot.slack.clients import Identity, SlackClients, SlackUnreachableError
from bot.slack.next_message import OutboxJob

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

EVENT_TYPE = "friendli_deployment"

# Commercial apps outside the Marketplace get one request a minute, too few to search: Slack then
# asks to wait for longer than this.
_READABLE_WITHIN = 30.0
_RETRY_WAIT = 5.0
_PAGE_SIZE = 200
_MAX_PAGES = 5
# Seconds by which our clock may be ahead of Slack's, whose timestamps limit the search.
_CLOCK_SKEW = 300.0
_DELETE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Copy:
    """A post of the message; without `thread_ts` at the channel's top level."""

    ts: str
    thread_ts: str | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The history can't be read, or is too long; `error` is Slack's error name."""

    error: str


@dataclass(frozen=True, slots=True)
class ReadLater:
    """The history can be read after `seconds`."""

    seconds: float


SearchResult = list[Copy] | Failure | Unreadable | ReadLater


class _Payload(BaseModel):
    deployment: str
    sequence: int


class _Metadata(BaseModel):
    event_type: str
    event_payload: _Payload


class _Listed(BaseModel):
    ts: str
    thread_ts: str | None = None
    user: str | None = None
    bot_id: str | None = None
    metadata: _Metadata

    def is_by(self, author: Identity) -> bool:
        # Any app can post our metadata.
        if author.bot_id is not None and self.bot_id is not None:
            return self.bot_id == author.bot_id
        return self.user == author.user_id


def metadata(public_id: str, sequence: int) -> dict[str, object]:
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {"deployment": public_id, "sequence": sequence},
    }


class History:
    """Channels' histories, as the bot may read them."""

    def __init__(self, clients: SlackClients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    async def find(self, job: OutboxJob, channel_id: str) -> SearchResult:
        """Find the copies of a message by its metadata, the earliest first.

        A reply is searched for in its thread, then at the channel's top level, where Slack posts a
        reply whose root was deleted.

        Returns:
            The copies; a `Failure` if the channel isn't accessible any more.
        """
        try:
            async with asyncio.timeout(self._settings.lease / 2):
                return await self._find(job, channel_id, await self._clients.identity())
        except (SlackUnreachableError, TimeoutError):
            return ReadLater(self._settings.slack_timeout)

    async def _find(self, job: OutboxJob, channel_id: str, author: Identity) -> SearchResult:
        message = job.message
        wanted = _Payload(deployment=job.public_id, sequence=job.sequence)
        since = message.sending_since.timestamp() if message.sending_since else 0.0
        oldest = f"{max(0.0, since - _CLOCK_SKEW):.6f}"
        # A message posted again isn't the old one, which may still be there.
        oldest = max(oldest, message.ts or "0", key=float)
        thread_ts = job.thread_ts
        if thread_ts is not None:
            found = await _search(
                lambda cursor: self._client.conversations_replies(
                    channel=channel_id,
                    ts=thread_ts,
                    oldest=oldest,
                    limit=_PAGE_SIZE,
                    cursor=cursor,
                    include_all_metadata=True,
                ),
                wanted,
                author,
            )
            if found != []:
                return found
        return await _search(
            lambda cursor: self._client.conversations_history(
                channel=channel_id,
                oldest=oldest,
                limit=_PAGE_SIZE,
                cursor=cursor,
                include_all_metadata=True,
            ),
            wanted,
            author,
        )

    async def is_in_thread(self, channel_id: str, thread_ts: str, ts: str) -> bool:
        """Whether Slack lists the reply there; False if the thread can't be read."""
        answer = await attempt(
            self._client.conversations_replies(
                channel=channel_id, ts=thread_ts, oldest=ts, inclusive=True, limit=_PAGE_SIZE
            )
        )
        listed = [] if isinstance(answer, Failure) else items(answer, "messages")
        return any(isinstance(message, dict) and message.get("ts") == ts for message in listed)

    async def delete(self, channel_id: str, copies: Sequence[str]) -> Failure | None:
        """Delete up to the first transient failure, which is returned."""
        for ts in copies:
            answer = await attempt(self._client.chat_delete(channel=channel_id, ts=ts))
            if not isinstance(answer, Failure) or answer.error == "message_not_found":
                continue
            log.warning("message not deleted", error=answer.error, channel=channel_id, ts=ts)
            if answer.is_transient:
                return answer
        return None

    async def delete_repeat(self, channel_id: str, ts: str) -> None:
        for _ in range(_DELETE_ATTEMPTS):
            failure = await self.delete(channel_id, [ts])
            if failure is None:
                return
            await asyncio.sleep(failure.retry_after)
        log.error("repeated message not deleted", channel=channel_id, ts=ts)

    @property
    def _client(self) -> AsyncWebClient:
        return self._clients.posting


async def _search(
    page_at: Callable[[str | None], Awaitable[AsyncSlackResponse]],
    wanted: _Payload,
    author: Identity,
) -> SearchResult:
    listing = await read_pages(page_at, "messages", limit=_MAX_PAGES)
    if listing.failure is not None:
        return _search_failure(listing.failure)
    found = sorted(_copies(listing.items, wanted, author), key=lambda copy: copy.ts)
    # With pages left unread, an empty result doesn't prove that the message is absent.
    return found if found or listing.is_complete else Unreadable("too_many_messages")


def _copies(listed_messages: Iterable[object], wanted: _Payload, author: Identity) -> list[Copy]:
    copies = []
    for raw in listed_messages:
        try:
            listed = _Listed.model_validate(raw)
        except ValidationError:
            # Without our metadata.
            continue
        is_wanted = listed.metadata == _Metadata(event_type=EVENT_TYPE, event_payload=wanted)
        if is_wanted and listed.is_by(author):
            is_reply = listed.thread_ts is not None and listed.thread_ts != listed.ts
            copies.append(Copy(listed.ts, listed.thread_ts if is_reply else None))
    return copies


def _search_failure(failure: Failure) -> SearchResult:
    match failure.kind:
        case ErrorKind.RETRY_LATER if failure.retry_after <= _READABLE_WITHIN:
            return ReadLater(failure.retry_after)
        case ErrorKind.NOT_SENT | ErrorKind.OUTCOME_UNKNOWN:
            return ReadLater(_RETRY_WAIT)
        case ErrorKind.GONE:
            # A thread whose root is gone without a trace has no replies either.
            return []
        case ErrorKind.STOPPED if failure.error != "missing_scope":
            return failure
        case _:
            return Unreadable(failure.error)
