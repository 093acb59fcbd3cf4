"""One call of Slack's Web API: either its answer, or what kind of failure it was.

The clients used here never retry by themselves: chat.postMessage has no idempotency key, so a
repeat is a decision that belongs to the row that wants the message.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.process.metrics import SLACK_CALLS


class ErrorKind(StrEnum):
    """What a failed call means for what was to be done."""

    STOPPED = "stopped"
    """This channel, or the whole workspace, takes nothing from us any more."""
    LATER = "later"
    """Slack asked to wait; nothing happened."""
    NEVER_LEFT = "never_left"
    """Slack wasn't reached; nothing happened."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """It may have happened: the answer was lost, or said that Slack itself failed."""
    GONE = "gone"
    """The message, or the thread's root, isn't there any more or can't be changed any more."""
    REFUSED = "refused"
    """Slack won't do it as it was asked; nothing happened."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed.

    Attributes:
        error: Slack's own error name, or the kind of transport error.
        retry_after: Seconds that Slack asked to wait.
        details: What Slack says of single arguments, with JSON pointers to blocks.
    """

    trouble: ErrorKind
    error: str
    retry_after: float = 0.0
    details: tuple[str, ...] = ()


# https://docs.slack.dev/reference/methods/chat.postMessage, chat.update and conversations.open
# list most of these. Some concern every channel of the workspace …
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
    # What chat.update says of an archived channel.
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
_DOUBTFUL_ERRORS = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
_LATER_ERRORS = frozenset(
    {
        "external_channel_migrating",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "team_added_to_org",
    }
)
# Slack names an argument or a block in each; a message has 50 blocks at most.
_MOST_DETAILS, _LONGEST_DETAIL = 100, 500
_LEAST_WAIT, _MOST_WAIT = 1.0, 3600.0


async def attempt(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, object] | Failure:
    """Make the call; return Slack's answer, or how it failed. Raises nothing of its own."""
    answer = await _attempt(call)
    SLACK_CALLS.labels(answer.trouble if isinstance(answer, Failure) else "ok").inc()
    return answer


async def _attempt(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, object] | Failure:
    try:
        answer = (await call).data
    except SlackApiError as error:
        return _from_api_error(error)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return Failure(ErrorKind.NEVER_LEFT, type(error).__name__)
    except (
        aiohttp.ClientError,
        SlackClientError,
        TimeoutError,
        OSError,
        # slack_sdk stumbles over answers that aren't JSON objects with these.
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
    # For a body that isn't JSON, slack_sdk hands over the HTTP library's response instead.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    body: Mapping[str, object] = data if isinstance(data, dict) else {}
    name = str(body.get("error") or "")
    if status == 429 or name in _LATER_ERRORS:
        return Failure(ErrorKind.LATER, name or "ratelimited", _retry_after(response))
    if status == 413:
        # A proxy in between won't pass on so much; the text alone is small enough.
        return Failure(ErrorKind.REFUSED, name or "http_413")
    if not name or status >= 500 or name in _DOUBTFUL_ERRORS:
        return Failure(ErrorKind.OUTCOME_UNKNOWN, name or f"http_{status}")
    if name in STOPPED_ERRORS:
        return Failure(ErrorKind.STOPPED, name)
    if name in _GONE_ERRORS:
        return Failure(ErrorKind.GONE, name)
    return Failure(ErrorKind.REFUSED, name, details=_details(body))


def _details(body: Mapping[str, object]) -> tuple[str, ...]:
    more = body.get("response_metadata")
    messages = more.get("messages") if isinstance(more, dict) else None
    listed = messages[:_MOST_DETAILS] if isinstance(messages, list) else []
    return tuple(str(message)[:_LONGEST_DETAIL] for message in listed)


def _retry_after(response: object) -> float:
    headers = getattr(response, "headers", {})
    try:
        asked = float(headers.get("Retry-After") or headers.get("retry-after") or _LEAST_WAIT)
    except ValueError:
        return _LEAST_WAIT
    # Neither "nan" nor "inf" is worth more than the least wait.
    return min(max(_LEAST_WAIT, asked), _MOST_WAIT) if asked < float("inf") else _LEAST_WAIT
