"""Users, channels, messages and views for the page, without what Slack hides."""

from pydantic import BaseModel

from bot.sandbox.slack.conversations import Channel, Message, User
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Workspace


class UserDocument(BaseModel):
    """A user or the bot; `role` is "admin", "member", "guest" or "app"."""

    id: str
    name: str
    role: str


class ChannelDocument(BaseModel):
    """A channel; `kind` is "public", "private" or "direct"."""

    id: str
    name: str
    kind: str
    members: list[str]
    archived: bool
    shared: bool


class MessageDocument(BaseModel):
    """A message.

    Attributes:
        thread: The root's ts, of a reply.
        broadcast: Whether a reply is shown in the channel too.
        streaming: Whether more text may come.
        streamed: Whether its text came as a stream, in Markdown.
        only: The only user who sees it; None for everyone.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[JsonObject]
    thread: str | None
    broadcast: bool
    only: str | None
    edited: bool
    gone: bool
    streaming: bool
    streamed: bool


class ViewDocument(BaseModel):
    """A modal or Home tab with its input; `previous` is the view below."""

    id: str
    user: str
    type: str
    title: str
    submit: str | None
    close: str | None
    blocks: list[JsonObject]
    values: dict[str, dict[str, JsonObject]]
    errors: dict[str, str]
    previous: str | None
    updates: int


def user_document(workspace: Workspace, user: User) -> UserDocument:
    if user.is_bot:
        role = "app"
    elif user.team_id != workspace.identity.team_id:
        role = "guest"
    else:
        role = "admin" if user.is_admin else "member"
    return UserDocument(id=user.id, name=user.name, role=role)


def channel_document(channel: Channel) -> ChannelDocument:
    return ChannelDocument(
        id=channel.id,
        name=channel.name,
        kind=channel.kind.value,
        members=channel.member_ids,
        archived=channel.is_archived,
        shared=channel.is_ext_shared,
    )


def message_document(message: Message) -> MessageDocument:
    return MessageDocument(
        channel=message.channel_id,
        ts=message.ts,
        user=message.user_id,
        text="" if message.deleted else message.text,
        blocks=[] if message.deleted else message.blocks,
        thread=message.thread_ts if message.is_reply else None,
        broadcast=message.broadcast,
        only=message.ephemeral_to,
        edited=message.edited_at is not None,
        gone=message.deleted,
        streaming=message.is_streaming,
        streamed=message.is_markdown,
    )


def view_document(view: View) -> ViewDocument:
    return ViewDocument(
        id=view.id,
        user=view.user_id,
        type=str(view.body["type"]),
        title=view.title,
        submit=_label(view, "submit"),
        close=_label(view, "close"),
        blocks=view.blocks,
        values=view.values,
        errors=view.errors,
        previous=view.previous_id,
        updates=view.updates,
    )


def _label(view: View, name: str) -> str | None:
    text = view.body.get(name)
    return str(text["text"]) if text else None
