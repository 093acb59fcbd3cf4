"""Reads threads and ephemeral messages."""

import re
from copy import copy
from dataclasses import replace
from typing import Any

from bot.domain.text import unescape
from bot.messages.body import Body
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Channel, Message
from bot.sandbox.slack.fields import Field, fields
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
    shown = [rendered_text(env, label) for label in _labels(message)]
    buttons = f"\n[{'] ['.join(shown)}]" if shown else ""
    body = Body(text=message.text, blocks=message.blocks).without_plan()
    # Menus are chosen from, not read.
    blocks = [_without_menu(block) for block in body.blocks if block["type"] != "actions"]
    drawn = replace(message, blocks=blocks)
    return rendered_text(env, drawn.words) + buttons


def _labels(message: Message) -> list[str]:
    """Of the buttons, and the menus in their row as one each."""
    labels = []
    for block in message.blocks:
        for element in block.get("elements") or [block.get("accessory") or {}]:
            if element.get("type") == "button":
                labels.append(element["text"]["text"])
            elif element.get("type") == "overflow" and block["type"] == "actions":
                options = [option["text"]["text"] for option in element["options"]]
                labels.append(f"⋯ {' · '.join(options)}")
    return labels


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


async def card_with(env: Environment, label: str) -> Message:
    """The status message once it offers this, as it is shown then: later edits don't change it."""
    shown = await env.slack.until(
        lambda: next((one for one in reversed(roots(env)) if label in one.buttons), None)
    )
    return copy(shown)


def newest_button(message: Message, label: str) -> Field:
    """The last of several buttons with the same label, as of several approvals."""
    return [item for item in fields(message.blocks) if item.text == label][-1]


async def candidate_question(env: Environment) -> Message:
    """The status message that asks which endpoint it is."""
    return await card_with(env, "Neither")


async def terminate(
    env: Environment, person: UserClient | None = None, message: Message | None = None
) -> None:
    """Choose it from the status message's menu, and confirm."""
    who = person or env.member
    seen = len(who.ephemerals(env.channel))
    await who.click(message or root(env), "Terminate")
    [question] = await env.slack.until(lambda: who.ephemerals(env.channel)[seen:])
    await who.click(question, "Terminate")
