"""Direct messages to people whose channel takes nothing from the bot any more."""

from collections.abc import Sequence
from decimal import Decimal

from bot.messages.body import Body, body
from bot.messages.markup import bold, code, mention, money, section

_REASONS = {
    "is_archived": "it is archived",
    "not_in_channel": "I'm not in it any more",
    "channel_not_found": "I'm not in it, or it is gone",
    "restricted_action": "its settings don't let me post",
    "restricted_action_read_only_channel": "it is read-only",
}


def nothing_made(name: str, channel_id: str, error: str) -> Body:
    """A deployment was given up before it began, since its channel can't be written to."""
    text = (
        f"I can't write in <#{channel_id}>: {reason(error)}. {bold(name)} wasn't made."
        " Type `/invite` and my name there, then ask again."
    )
    return body(text, section(text))


def not_announced(name: str, channel_id: str) -> Body:
    """Slack took the first message of a deployment too late for it to be still expected."""
    text = (
        f"Slack didn't take my message in <#{channel_id}> for a long time, so {bold(name)} wasn't"
        " made. Ask again if you still want it."
    )
    return body(text, section(text))


def still_watched(deployments: Sequence[tuple[str, str]], channel_id: str, error: str) -> Body:
    """Endpoints run on while their channel can't be written to.

    Args:
        deployments: Each one's name and its dollars per hour per replica.
        channel_id: Their channel.
        error: Slack's error name.
    """
    listed = ", ".join(f"{bold(name)} ({money(Decimal(each))})" for name, each in deployments)
    text = (
        f"I can't write in <#{channel_id}> any more: {reason(error)}. What you deployed there runs"
        f" on, and is billed: {listed}. I keep watching, and go on there once I can write again."
    )
    return body(text, section(text))


def for_admin(message: Body, person: str) -> Body:
    """Pass on what a person who can't be reached should have read."""
    text = f"This was for {mention(person)}, whom I can't reach: {message.text}"
    return body(text, section(text))


def reason(error: str) -> str:
    """Slack's error name in words."""
    return _REASONS.get(error, f"Slack says {code(error)}")
