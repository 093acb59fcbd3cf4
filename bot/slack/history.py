"""Look for a message of ours in Slack: the only way to learn whether a doubtful post arrived."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.calls import ErrorKind, Failure, attempt
from bot.slack.workspaces import Identity

EVENT_TYPE = "friendli_deployment"

# A history that may be read once a minute (commercial apps outside the Marketplace) is as good
# as none: Slack then asks to wait for longer than this.
_READABLE_WITHIN = 30.0
_UNREACHABLE_SECONDS = 5.0
_PAGE = 200
_PAGES = 5


@dataclass(frozen=True, slots=True)
class Copy:
    """A message of ours that stands in Slack.

    Attributes:
        ts: Its identifier.
        thread_ts: Of the thread's root that it stands under; None at the channel's top level.
    """

    ts: str
    thread_ts: str | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The history can't be read.

    Attributes:
        error: Slack's error name.
    """

    error: str


@dataclass(frozen=True, slots=True)
class ReadLater:
    """The history can be read, but not now.

    Attributes:
        seconds: How long to wait.
    """

    seconds: float


Found = list[Copy] | Failure | Unreadable | ReadLater


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
        """Whether our bot wrote it: anybody may give a message the metadata of ours."""
        if author.bot_id is not None and self.bot_id is not None:
            return self.bot_id == author.bot_id
        return self.user == author.user_id


def metadata(public_id: str, sequence: int) -> dict[str, object]:
    """What every message of a deployment carries, so that it can be found again."""
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {"deployment": public_id, "sequence": sequence},
    }


async def find(
    client: AsyncWebClient,
    *,
    author: Identity,
    channel: str,
    public_id: str,
    sequence: int,
    thread_ts: str | None,
    oldest: str,
) -> Found:
    """Look for the copies of a message that stand in Slack, the earliest first.

    A reply is looked for in its thread, and where it isn't there, at the channel's top level:
    that is where Slack puts a reply whose root was deleted.

    Args:
        client: Slack's Web API.
        author: Our bot; what others wrote isn't looked at.
        channel: Where it was posted.
        public_id: Its deployment.
        sequence: Its place in the thread.
        thread_ts: Of the thread; None for a message of the channel's top level.
        oldest: A `ts`; only what is later is looked at.

    Returns:
        The copies; or a `Failure` if the bot may not look into this channel any more.
    """
    wanted = _Payload(deployment=public_id, sequence=sequence)
    if thread_ts is not None:
        thread = thread_ts

        def replies(cursor: str | None) -> Awaitable[AsyncSlackResponse]:
            return client.conversations_replies(
                channel=channel,
                ts=thread,
                oldest=oldest,
                limit=_PAGE,
                cursor=cursor,
                include_all_metadata=True,
            )

        found = await _read(replies, wanted, author)
        if found != []:
            return found

    def history(cursor: str | None) -> Awaitable[AsyncSlackResponse]:
        return client.conversations_history(
            channel=channel, oldest=oldest, limit=_PAGE, cursor=cursor, include_all_metadata=True
        )

    return await _read(history, wanted, author)


async def is_in_thread(client: AsyncWebClient, *, channel: str, thread_ts: str, ts: str) -> bool:
    """Whether Slack shows a message under a root; no, if it can't be told."""
    answer = await attempt(
        client.conversations_replies(
            channel=channel, ts=thread_ts, oldest=ts, inclusive=True, limit=_PAGE
        )
    )
    page = None if isinstance(answer, Failure) else answer.get("messages")
    return any(
        isinstance(listed, dict) and listed.get("ts") == ts
        for listed in (page if isinstance(page, list) else [])
    )


async def _read(
    page_at: Callable[[str | None], Awaitable[AsyncSlackResponse]],
    wanted: _Payload,
    author: Identity,
) -> Found:
    found: list[Copy] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        answer = await attempt(page_at(cursor))
        if isinstance(answer, Failure):
            return _trouble(answer)
        page = answer.get("messages")
        found += _copies(page if isinstance(page, list) else [], wanted, author)
        cursor = _next_cursor(answer)
        if not cursor:
            return sorted(found, key=lambda copy: copy.ts)
    # Too much was said meanwhile to prove that ours isn't there.
    return sorted(found, key=lambda copy: copy.ts) or Unreadable("too_many_messages")


def _copies(page: Iterable[object], wanted: _Payload, author: Identity) -> list[Copy]:
    copies = []
    for raw in page:
        try:
            listed = _Listed.model_validate(raw)
        except ValidationError:
            # Somebody else's message, or one without our metadata.
            continue
        is_wanted = listed.metadata == _Metadata(event_type=EVENT_TYPE, event_payload=wanted)
        if is_wanted and listed.is_by(author):
            is_reply = listed.thread_ts is not None and listed.thread_ts != listed.ts
            copies.append(Copy(listed.ts, listed.thread_ts if is_reply else None))
    return copies


def _trouble(failure: Failure) -> Found:
    match failure.trouble:
        case ErrorKind.LATER if failure.retry_after <= _READABLE_WITHIN:
            return ReadLater(failure.retry_after)
        case ErrorKind.NEVER_LEFT | ErrorKind.OUTCOME_UNKNOWN:
            return ReadLater(_UNREACHABLE_SECONDS)
        case ErrorKind.GONE:
            # A thread whose root is gone without a trace has no replies either.
            return []
        case ErrorKind.STOPPED if failure.error != "missing_scope":
            return failure
        case _:
            return Unreadable(failure.error)


def _next_cursor(answer: Mapping[str, object]) -> str | None:
    more = answer.get("response_metadata")
    cursor = more.get("next_cursor") if isinstance(more, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None
