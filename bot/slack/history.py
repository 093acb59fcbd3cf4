"""Look for a message of ours in Slack: the only way to learn whether a doubtful post arrived."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import Failure, Trouble, attempt

EVENT_TYPE = "friendli_deployment"

# A history that may be read once a minute (commercial apps outside the Marketplace) is as good
# as none: Slack then asks to wait for longer than this.
_READABLE_WITHIN = 30.0
_PAGES = 5


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


class _Payload(BaseModel):
    deployment: str
    sequence: int


class _Metadata(BaseModel):
    event_type: str
    event_payload: _Payload


class _Listed(BaseModel):
    ts: str
    metadata: _Metadata


def metadata(public_id: str, sequence: int) -> dict[str, object]:
    """What every message of a deployment carries, so that it can be found again."""
    return {
        "event_type": EVENT_TYPE,
        "event_payload": {"deployment": public_id, "sequence": sequence},
    }


async def find(
    client: AsyncWebClient,
    *,
    channel: str,
    public_id: str,
    sequence: int,
    root_ts: str | None,
    oldest: float,
) -> list[str] | Unreadable | ReadLater:
    """The `ts` of each copy of a message that stands in Slack, the earliest first.

    Args:
        client: Slack's Web API.
        channel: Where it was posted.
        public_id: Its deployment.
        sequence: Its place in the thread.
        root_ts: Of the thread; None to look at the channel's top level.
        oldest: Seconds since 1970; nothing before is looked at.
    """
    found: list[str] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        if root_ts is None:
            call = client.conversations_history(
                channel=channel,
                oldest=f"{oldest:.6f}",
                limit=200,
                cursor=cursor,
                include_all_metadata=True,
            )
        else:
            call = client.conversations_replies(
                channel=channel,
                ts=root_ts,
                oldest=f"{oldest:.6f}",
                limit=200,
                cursor=cursor,
                include_all_metadata=True,
            )
        answer = await attempt(call)
        if isinstance(answer, Failure):
            return _trouble(answer)
        page = answer.get("messages")
        for raw in page if isinstance(page, list) else []:
            listed = _listed(raw)
            if listed is not None and listed.metadata.event_payload == _Payload(
                deployment=public_id, sequence=sequence
            ):
                found.append(listed.ts)
        cursor = _next_cursor(answer)
        if not cursor:
            break
    return sorted(set(found), key=float)


def _listed(raw: object) -> _Listed | None:
    try:
        listed = _Listed.model_validate(raw)
    except ValidationError:
        # Somebody else's message, or one without our metadata.
        return None
    return listed if listed.metadata.event_type == EVENT_TYPE else None


def _trouble(failure: Failure) -> list[str] | Unreadable | ReadLater:
    match failure.trouble:
        case Trouble.LATER if failure.retry_after <= _READABLE_WITHIN:
            return ReadLater(failure.retry_after)
        case Trouble.NEVER_LEFT | Trouble.DOUBTFUL:
            return ReadLater(5.0)
        case Trouble.GONE:
            # A thread whose root is gone holds no message of ours that counts.
            return []
        case _:
            return Unreadable(failure.error)


def _next_cursor(answer: Mapping[str, object]) -> str | None:
    more = answer.get("response_metadata")
    cursor = more.get("next_cursor") if isinstance(more, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None
