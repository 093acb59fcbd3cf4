"""A call of Slack's Web API: its answer or a classified failure.

Nothing is retried here: chat.postMessage has no idempotency key, so delivery decides per message.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.process.metrics import SLACK_CALLS


class ErrorKind(StrEnum):
    """What a failed call did, and whether to repeat it."""

    STOPPED = "stopped"
    """Not done; the channel or the workspace accepts nothing from the bot."""
    RETRY_LATER = "retry_later"
    """Not done; Slack asked to wait."""
    NOT_SENT = "not_sent"
    """Not done; no connection to Slack."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Perhaps done: no answer, or a server error."""
    GONE = "gone"
    """Not done; the message or the thread's root is deleted or can't be changed any more."""
    REFUSED = "refused"
    """Not done; Slack rejects the arguments."""


_TRANSIENT = (ErrorKind.RETRY_LATER, ErrorKind.NOT_SENT, ErrorKind.OUTCOME_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed.

    Attributes:
        error: Slack's error name, or the class of the transport error.
        retry_after: Seconds.
        details: Slack's messages about arguments, with JSON pointers to blocks.
    """

    kind: ErrorKind
    error: str
    retry_after: float = 0.0
    details: tuple[str, ...] = ()

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.kind in _TRANSIENT


# https://docs.slack.dev/reference/methods/chat.postMessage, chat.update and conversations.open
# list most of these. These concern every channel of the workspace …
WORKSPACE_ERRORS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
# … the others one channel or one person.
STOPPED_ERRORS = WORKSPACE_ERRORS | {
    "cannot_dm_bot",
    "channel_not_found",
    "ekm_access_denied",
    "is_archived",
    # chat.update's error in an archived channel.
    "is_inactive",
    "messages_tab_disabled",
    "not_in_channel",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "user_disabled",
    "user_not_found",
    "user_not_visible",
}
_GONE_ERRORS = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
_SERVER_ERRORS = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
_RETRY_LATER_ERRORS = frozenset(
    {
        "external_channel_migrating",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "team_added_to_org",
    }
)
# At most one per argument and block; a message has at most 50 blocks.
_MAX_DETAILS, _MAX_DETAIL_LENGTH = 100, 500
_MIN_WAIT, _MAX_WAIT = 1.0, 3600.0


async def attempt(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, object] | Failure:
    answer = await _attempt(call)
    SLACK_CALLS.labels(answer.kind if isinstance(answer, Failure) else "ok").inc()
    return answer


@dataclass(frozen=True, slots=True)
class Listing:
    """The items of the pages that were read, and the failure that ended reading, if any."""

    items: list[object]
    failure: Failure | None
    is_complete: bool


async def read_pages(
    page_at: Callable[[str | None], Awaitable[AsyncSlackResponse]], name: str, *, limit: int
) -> Listing:
    """Read up to `limit` pages; `page_at` calls with a cursor, `name` is the list's in answers."""
    found: list[object] = []
    cursor: str | None = None
    for _ in range(limit):
        answer = await attempt(page_at(cursor))
        if isinstance(answer, Failure):
            return Listing(found, answer, is_complete=False)
        found += items(answer, name)
        more = answer.get("response_metadata")
        following = more.get("next_cursor") if isinstance(more, Mapping) else None
        cursor = following if isinstance(following, str) else None
        if not cursor:
            return Listing(found, None, is_complete=True)
    return Listing(found, None, is_complete=False)


def items(answer: Mapping[str, object], name: str) -> list[object]:
    listed = answer.get(name)
    return listed if isinstance(listed, list) else []


async def _attempt(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, object] | Failure:
    try:
        answer = (await call).data
    except SlackApiError as error:
        return _from_api_error(error)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return Failure(ErrorKind.NOT_SENT, type(error).__name__)
    except (
        aiohttp.ClientError,
        SlackClientError,
        TimeoutError,
        OSError,
        # slack_sdk raises these for answers that aren't JSON objects.
        AttributeError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        return Failure(ErrorKind.OUTCOME_UNKNOWN, type(error).__name__)
    if not isinstance(answer, dict):
        return Failure(ErrorKind.OUTCOME_UNKNOWN, "unreadable_answer")
    return answer


def _from_api_error(error: SlackApiError) -> Failure:
    response = error.response
    # For a body that isn't JSON, slack_sdk passes the HTTP library's response instead.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    body: Mapping[str, object] = data if isinstance(data, dict) else {}
    name = str(body.get("error") or "")
    if status == 429 or name in _RETRY_LATER_ERRORS:
        return Failure(ErrorKind.RETRY_LATER, name or "ratelimited", _retry_after(response))
    if status == 413:
        # Too large for a proxy in between; the text alone is small enough.
        return Failure(ErrorKind.REFUSED, name or "http_413")
    if not name or status >= 500 or name in _SERVER_ERRORS:
        return Failure(ErrorKind.OUTCOME_UNKNOWN, name or f"http_{status}")
    if name in STOPPED_ERRORS:
        return Failure(ErrorKind.STOPPED, name)
    if name in _GONE_ERRORS:
        return Failure(ErrorKind.GONE, name)
    return Failure(ErrorKind.REFUSED, name, details=_details(body))


def _details(body: Mapping[str, object]) -> tuple[str, ...]:
    metadata = body.get("response_metadata")
    messages = items(metadata, "messages") if isinstance(metadata, dict) else []
    return tuple(str(message)[:_MAX_DETAIL_LENGTH] for message in messages[:_MAX_DETAILS])


def _retry_after(response: object) -> float:
    headers = getattr(response, "headers", {})
    try:
        seconds = float(headers.get("Retry-After") or headers.get("retry-after") or _MIN_WAIT)
    except ValueError:
        return _MIN_WAIT
    # "nan" and "inf" count as the shortest wait.
    return min(max(_MIN_WAIT, seconds), _MAX_WAIT) if seconds < float("inf") else _MIN_WAIT
