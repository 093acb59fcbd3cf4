"""Direct messages to people whose channel takes no messages any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.statuses import facts_of
from bot.messages.blocks import section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, mention, money


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a channel takes nothing.

    Attributes:
        why: Completes "I can't write in #channel: …".
        remedy: Completes "…, then ask again."
    """

    why: str
    remedy: str


_ARCHIVED = _Reason("it is archived", "Unarchive it")
_SETTINGS = "Change its settings"
# It can only be told afterwards.
_CUT_OFF = _Reason("I was cut off from Slack for a while", "Check that I'm in it")
_REASONS: Mapping[str, _Reason] = {
    "is_archived": _ARCHIVED,
    "is_inactive": _ARCHIVED,
    "not_in_channel": _Reason("I'm not in it any more", "Type `/invite` and my name there"),
    "channel_not_found": _Reason(
        "I'm not in it, or it is gone", "If it is still there, type `/invite` and my name in it"
    ),
    "account_inactive": _CUT_OFF,
    "invalid_auth": _CUT_OFF,
    "token_expired": _CUT_OFF,
    "token_revoked": _CUT_OFF,
    "restricted_action": _Reason("its settings don't let me post", _SETTINGS),
    "restricted_action_read_only_channel": _Reason("it is read-only", _SETTINGS),
    "restricted_action_thread_only_channel": _Reason("it takes only replies", _SETTINGS),
}


def nothing_made(name: str, channel_id: str, error: str) -> Body:
    """A deployment was given up before it began."""
    reason = _reason(error)
    text = (
        f"I can't post in <#{channel_id}>: {reason.why}. {bold(name)} wasn't created."
        f" {reason.remedy}, then request it again."
    )
    return body(text, section(text))


def waits(name: str, channel_id: str, error: str) -> Body:
    """A deployment waits for approval where nobody can give it."""
    reason = _reason(error)
    text = (
        f"I can't post in <#{channel_id}>: {reason.why}. {bold(name)} waits there for approval,"
        f" and nothing is created until then. {reason.remedy}, so that it can be approved."
    )
    return body(text, section(text))


def not_announced(name: str, channel_id: str) -> Body:
    """Slack took the status message too late."""
    text = (
        f"Slack didn't accept my message in <#{channel_id}> for a long time, so {bold(name)}"
        " wasn't created. Request it again if you still want it."
    )
    return body(text, section(text))


def still_watched(
    running: Sequence[tuple[str, str]],
    ended: Sequence[tuple[str, str | None]],
    channel_id: str,
    error: str,
) -> Body:
    """Endpoints run on, or have ended, in the channel.

    Args:
        running: Name and dollars per hour per replica.
        ended: Name and status.
        error: Slack's error name.
    """
    reason = _reason(error)
    sentences = [f"I can no longer post in <#{channel_id}>: {reason.why}."]
    if running:
        listed = ", ".join(
            bold(name) + (f" ({money(Decimal(each))})" if each else "") for name, each in running
        )
        sentences.append(f"Your endpoints there keep running and are billed while live: {listed}.")
    if ended:
        listed = ", ".join(f"{bold(name)} {facts_of(status).ended_as}" for name, status in ended)
        sentences.append(f"{listed}; Friendli Suite shows more.")
    sentences.append(f"I keep watching. {reason.remedy}, and I'll post there again.")
    text = " ".join(sentences)
    return body(text, section(text))


def for_admin(message: Body, person: str) -> Body:
    """Pass on what an unreachable person should have read."""
    text = f"For {mention(person)}, whom I can't reach: {message.text}"
    return body(text, section(text))


def _reason(error: str) -> _Reason:
    return _REASONS.get(error) or _Reason(f"Slack says {code(error)}", "Have that fixed")
