"""Reads the sandbox's Slack the way stories quote it."""

import re
from dataclasses import replace

from bot.domain.text import unescape
from bot.messages.body import Body
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message


def roots(here: Environment) -> list[Message]:
    """The threads' roots in the channel, oldest first."""
    return [
        message
        for message in here.channel.messages.values()
        if not message.is_reply and not message.deleted
    ]


def root(here: Environment) -> Message:
    """The only thread's root.

    Raises:
        LookupError: There is none yet, or there are several.
    """
    match roots(here):
        case [only]:
            return only
        case several:
            raise LookupError(f"{len(several)} roots")


def thread(here: Environment) -> list[str]:
    """The replies of the only thread; those that reached the channel too begin with `#`."""
    return [
        ("# " if reply.broadcast else "") + plain(here, reply.text)
        for reply in here.channel.replies(root(here).ts)
    ]


def told(here: Environment, replies: int) -> bool:
    """Whether the only thread has so many replies."""
    return len(thread(here)) == replies


def ends(here: Environment, words: str, root_: Message | None = None) -> bool:
    """Whether the last reply of a thread, the only one if none is named, has these words."""
    replies = here.channel.replies((root_ or root(here)).ts)
    return bool(replies) and words in replies[-1].text


def whispers(here: Environment) -> list[str]:
    """What only the member sees."""
    return [plain(here, message.text) for message in here.member.ephemerals(here.channel)]


def words(here: Environment, message: Message) -> str:
    """Everything that stands in a message, and its buttons."""
    shown = [plain(here, label) for label in message.buttons]
    buttons = f"\n[{'] ['.join(shown)}]" if shown else ""
    body = Body(text=message.text, blocks=message.blocks).without_plan()
    drawn = replace(message, blocks=[block for block in body.blocks if block["type"] != "actions"])
    return plain(here, drawn.words) + buttons


def plain(here: Environment, text: str) -> str:
    """Mrkdwn as a person sees it; what differs from run to run gets a name."""
    text = re.sub(r"<!date\^\d+\^[^|>]*\|[^>]*>", "TIME", text)
    text = re.sub(r"<@(\w+)>", lambda match: f"@{here.slack.workspace.users[match[1]].name}", text)
    text = re.sub(
        r"<#(\w+)>", lambda match: f"#{here.slack.workspace.channel(match[1]).name}", text
    )
    text = re.sub(r"<mailto:[^|>]*\|([^>]*)>", r"\1", text)
    for number, endpoint in enumerate(here.friendli.endpoints, 1):
        text = text.replace(endpoint, f"ENDPOINT-{number}")
    return unescape(text)


async def asked_which(here: Environment) -> Message:
    """The reply that asks which endpoint it is."""

    def question() -> Message | None:
        last = here.channel.replies(root(here).ts)[-1]
        return last if "Neither" in last.buttons else None

    return await here.slack.until(question)
