"""Reads threads and ephemeral messages."""

import re
from dataclasses import replace
from typing import Any

from bot.domain.text import unescape
from bot.messages.body import Body
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Channel, Message
from bot.sandbox.slack.user_client import UserClient


def roots(env: Environment) -> list[Message]:
    """The threads' roots in the channel, oldest first."""
    return [
        message
        for message in env.channel.messages.values()
        if not message.is_reply and not message.deleted and not _is_notice(message)
    ]


def notices(env: Environment, channel: Channel | None = None) -> list[str]:
    """What the channel was told outside of threads, oldest first."""
    messages = (channel or env.channel).messages.values()
    return [rendered_text(env, one.text) for one in messages if _is_notice(one)]


def _is_notice(message: Message) -> bool:
    """Whether the bot posted it about no deployment."""
    metadata = message.metadata or {}
    payload = metadata.get("event_payload") or {}
    return message.by_app and payload.get("deployment") == ""


def root(env: Environment) -> Message:
    """The only thread's root.

    Raises:
        LookupError: There is none yet, or there are several.
    """
    match roots(env):
        case [only]:
            return only
        case several:
            raise LookupError(f"{len(several)} roots")


def thread(env: Environment) -> list[str]:
    """The replies of the only thread; broadcast ones begin with `#`."""
    return [
        ("# " if reply.broadcast else "") + rendered_text(env, reply.text)
        for reply in env.channel.replies(root(env).ts)
    ]


def has_replies(env: Environment, replies: int) -> bool:
    """Whether the only thread has so many replies."""
    return len(thread(env)) == replies


def last_reply_contains(env: Environment, text: str, root_: Message | None = None) -> bool:
    """Whether the last reply of a thread (by default the only one) contains a text."""
    replies = env.channel.replies((root_ or root(env)).ts)
    return bool(replies) and text in replies[-1].text


def ephemeral_texts(env: Environment, user: UserClient | None = None) -> list[str]:
    """A user's ephemeral messages, by default the member's."""
    messages = (user or env.member).ephemerals(env.channel)
    return [rendered_text(env, message.text) for message in messages]


def message_text(env: Environment, message: Message) -> str:
    """The full text of a message, with its buttons."""
    shown = [rendered_text(env, label) for label in message.buttons]
    buttons = f"\n[{'] ['.join(shown)}]" if shown else ""
    body = Body(text=message.text, blocks=message.blocks).without_plan()
    # Menus are chosen from, not read.
    blocks = [_without_menu(block) for block in body.blocks if block["type"] != "actions"]
    drawn = replace(message, blocks=blocks)
    return rendered_text(env, drawn.words) + buttons


def _without_menu(block: dict[str, Any]) -> dict[str, Any]:
    return {
        key: part for key, part in block.items() if key != "accessory" or part["type"] != "overflow"
    }


def rendered_text(env: Environment, text: str) -> str:
    """Mrkdwn as a user sees it; ids and times get placeholders."""
    text = re.sub(r"<!date\^\d+\^([^{|>]*)[^|>]*\|[^>]*>", r"\1TIME", text)
    text = re.sub(r"<@(\w+)>", lambda match: f"@{env.slack.workspace.users[match[1]].name}", text)
    text = re.sub(r"<#(\w+)>", lambda match: f"#{env.slack.workspace.channel(match[1]).name}", text)
    text = re.sub(r"<mailto:[^|>]*\|([^>]*)>", r"\1", text)
    for number, endpoint in enumerate(env.friendli.endpoints, 1):
        text = text.replace(endpoint, f"ENDPOINT-{number}")
    return unescape(text)


async def candidate_question(env: Environment) -> Message:
    """The reply that asks which endpoint it is."""

    def question() -> Message | None:
        last = env.channel.replies(root(env).ts)[-1]
        return last if "Neither" in last.buttons else None

    return await env.slack.until(question)
