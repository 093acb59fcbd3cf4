"""A channel that the bot can't post in: how to invite it, before anything is created."""

from typing import Any

from bot.domain.errors import UserError
from bot.messages.blocks import section
from bot.slack.clients import SlackUnreachableError
from bot.slack.people import Membership, People

_WORDS = {
    Membership.NOT_A_MEMBER: (
        "I'm not in this channel, so I couldn't post a deployment's progress here."
    ),
    Membership.ARCHIVED: "This channel is archived, so I can't post in it.",
    Membership.NOT_A_CHANNEL: "A deployment's thread needs a channel, and this is a direct"
    " message.",
}


def needs_invitation(membership: Membership) -> bool:
    """Whether nothing can be deployed from here. If Slack doesn't say, it is tried."""
    return membership in _WORDS


async def invitation(people: People, membership: Membership) -> UserError:
    return UserError(_WORDS[membership], hint=await _way_out(people, membership))


async def invitation_view(people: People, membership: Membership) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Invite me first"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [section(f"{_WORDS[membership]} {await _way_out(people, membership)}")],
    }


async def _way_out(people: People, membership: Membership) -> str:
    if membership is Membership.ARCHIVED:
        return "Unarchive it, or use another channel."
    if membership is Membership.NOT_A_CHANNEL:
        return "Type the command in a channel I'm in."
    try:
        name = await people.bot_mention()
    except SlackUnreachableError:
        name = "my name"
    return f"Type `/invite` and {name} here, then try again. Nothing was created."
