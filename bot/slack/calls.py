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


class Trouble(StrEnum):
    """What a failed call means for what was to be done."""

    STOPPED = "stopped"
    """This channel, or the whole workspace, takes nothing from us any more."""
    LATER = "later"
    """Slack asked to wait; nothing happened."""
    NEVER_LEFT = "never_left"
    """Slack wasn't reached; nothing happened."""
    DOUBTFUL = "doubtful"
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
    """

    trouble: Trouble
    error: str
    retry_after: float = 0.0


# https://docs.slack.dev/reference/methods/chat.postMessage lists most of these.
STOPPED_ERRORS = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "invalid_auth",
        "not_authed",
        "user_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "messages_tab_disabled",
        "restricted_action",
        "restricted_action_read_only_channel",
        "team_access_not_granted",
        "org_login_required",
        "ekm_access_denied",
    }
)
# Of these, the ones that concern every channel of the workspace.
WORKSPACE_ERRORS = frozenset(
    {"account_inactive", "token_revoked", "token_expired", "invalid_auth", "not_authed"}
)
_GONE_ERRORS = frozenset(
    {
        "message_not_found",
        "thread_not_found",
        "cant_update_message",
        "edit_window_closed",
        "restricted_action_thread_locked",
    }
)
_DOUBTFUL_ERRORS = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_LATER_ERRORS = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})


async def attempt(call: Awaitable[AsyncSlackResponse]) -> Mapping[str, object] | Failure:
    """Make the call; return Slack's answer, or how it failed. Raises nothing of its own."""
    try:
        answer = (await call).data
    except SlackApiError as error:
        return _from_api_error(error)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return Failure(Trouble.NEVER_LEFT, type(error).__name__)
    except (
        aiohttp.ClientError,
        SlackClientError,
        TimeoutError,
        OSError,
        # slack_sdk stumbles over answers that aren't JSON objects with these.
        ValueError,
        AttributeError,
        TypeError,
    ) as error:
        return Failure(Trouble.DOUBTFUL, type(error).__name__)
    if not isinstance(answer, dict):
        return Failure(Trouble.DOUBTFUL, "unreadable_answer")
    return answer


def _from_api_error(error: SlackApiError) -> Failure:
    response = error.response
    # For a body that isn't JSON, slack_sdk hands over the HTTP library's response instead.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    body = getattr(response, "data", None)
    name = str(body.get("error", "")) if isinstance(body, dict) else ""
    if status == 429 or name in _LATER_ERRORS:
        return Failure(Trouble.LATER, name or "ratelimited", _retry_after(response))
    if not name or status >= 500 or name in _DOUBTFUL_ERRORS:
        return Failure(Trouble.DOUBTFUL, name or f"http_{status}")
    if name in STOPPED_ERRORS:
        return Failure(Trouble.STOPPED, name)
    if name in _GONE_ERRORS:
        return Failure(Trouble.GONE, name)
    return Failure(Trouble.REFUSED, name)


def _retry_after(response: object) -> float:
    headers = getattr(response, "headers", {})
    try:
        return max(1.0, float(headers.get("Retry-After") or headers.get("retry-after") or 1))
    except ValueError:
        return 1.0
