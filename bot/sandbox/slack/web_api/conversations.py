"""conversations.*: channels, members and messages."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from pydantic import Field

from bot.sandbox.slack.conversations import Channel, ChannelKind, Message
from bot.sandbox.slack.documents import channel_document, message_document
from bot.sandbox.slack.rate_limits import Tier
from bot.sandbox.slack.web_api.call import Arguments, Backend, SlackError, method
from bot.sandbox.slack.wire import JsonObject

T = TypeVar("T")
_KINDS = {
    "public_channel": ChannelKind.PUBLIC,
    "private_channel": ChannelKind.PRIVATE,
    "im": ChannelKind.DIRECT,
}
_FAMILIES = {
    ChannelKind.PUBLIC: "channels",
    ChannelKind.PRIVATE: "groups",
    ChannelKind.DIRECT: "im",
}
_TS = r"^\d+(\.\d{1,6})?$"


class Info(Arguments):
    channel: str
    include_locale: bool = False
    include_num_members: bool = False


class History(Arguments):
    channel: str
    cursor: str | None = None
    include_all_metadata: bool = False
    inclusive: bool = False
    latest: str | None = Field(default=None, pattern=_TS)
    oldest: str | None = Field(default=None, pattern=_TS)
    limit: int = Field(default=100, ge=1, le=999)

    def covers(self, message: Message) -> bool:
        ts = _moment(message.ts)
        if self.oldest is not None:
            oldest = _moment(self.oldest)
            if ts < oldest or (ts == oldest and not self.inclusive):
                return False
        if self.latest is not None:
            latest = _moment(self.latest)
            if ts > latest or (ts == latest and not self.inclusive):
                return False
        return True


class Replies(History):
    ts: str
    limit: int = Field(default=1000, ge=1, le=1000)


class Open(Arguments):
    channel: str | None = None
    users: str | None = None
    return_im: bool = False
    prevent_creation: bool = False


class Members(Arguments):
    channel: str
    cursor: str | None = None
    limit: int = Field(default=100, ge=1, le=1000)


class OfUser(Arguments):
    user: str | None = None
    types: str = "public_channel"
    exclude_archived: bool = False
    cursor: str | None = None
    limit: int = Field(default=100, ge=1, le=999)


def info(slack: Backend, arguments: Info) -> JsonObject:
    """Describe a channel, also a public one without the bot: see `is_member`."""
    channel = slack.channel(arguments.channel)
    slack.require_channel_scope(channel, "read")
    document = channel_document(slack.workspace, channel, with_count=arguments.include_num_members)
    return {"channel": document}


def history(slack: Backend, arguments: History) -> JsonObject:
    """A channel's messages, newest first, without replies that weren't broadcast."""
    channel = _readable(slack, arguments.channel)
    listed = [
        message
        for message in reversed(channel.messages.values())
        if _visible(slack, message)
        and (not message.is_reply or message.broadcast)
        and (not message.deleted or channel.replies(message.ts))
        and arguments.covers(message)
    ]
    page, cursor = paged(listed, arguments.cursor, min(arguments.limit, slack.limits.page_size))
    return _messages(slack, page, cursor, with_metadata=arguments.include_all_metadata)


def replies(slack: Backend, arguments: Replies) -> JsonObject:
    """A thread: the root, which comes with every page, then the replies, oldest first."""
    channel = _readable(slack, arguments.channel)
    named = channel.messages.get(arguments.ts)
    if named is None or not _visible(slack, named):
        raise SlackError("thread_not_found")
    root = channel.messages[named.thread_ts] if named.is_reply and named.thread_ts else named
    answers = channel.replies(root.ts)
    if root.deleted and not answers:
        raise SlackError("thread_not_found")
    listed = [
        message for message in answers if _visible(slack, message) and arguments.covers(message)
    ]
    limit = min(arguments.limit, slack.limits.page_size)
    page, cursor = paged(listed, arguments.cursor, max(1, limit - 1))
    return _messages(slack, [root, *page], cursor, with_metadata=arguments.include_all_metadata)


def open_direct_message(slack: Backend, arguments: Open) -> JsonObject:
    if arguments.channel is not None:
        channel = slack.channel(arguments.channel)
        if channel.kind is not ChannelKind.DIRECT:
            raise SlackError("method_not_supported_for_channel_type")
        return {"channel": {"id": channel.id}}
    if not arguments.users:
        raise SlackError("users_list_not_supplied")
    if "," in arguments.users:
        slack.require_scope("mpim:write")
    user = slack.workspace.users.get(arguments.users)
    if user is None or user.is_bot:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    channel = slack.workspace.direct_message(user)
    if arguments.return_im:
        return {"channel": channel_document(slack.workspace, channel)}
    return {"channel": {"id": channel.id}}


def members(slack: Backend, arguments: Members) -> JsonObject:
    channel = slack.channel(arguments.channel)
    slack.require_channel_scope(channel, "read")
    page, cursor = paged(channel.member_ids, arguments.cursor, arguments.limit)
    return {"members": list(page), "response_metadata": {"next_cursor": cursor}}


def of_user(slack: Backend, arguments: OfUser) -> JsonObject:
    """A user's channels; private ones only if the bot is in them too."""
    user_id = arguments.user or slack.workspace.bot.id
    if user_id not in slack.workspace.users:
        raise SlackError("user_not_found")
    kinds = {_KINDS[name] for name in arguments.types.split(",") if name in _KINDS}
    for kind in kinds:
        slack.require_scope(f"{_FAMILIES[kind]}:read")
    listed = [
        channel
        for channel in slack.workspace.channels.values()
        if channel.kind in kinds
        and user_id in channel.member_ids
        and (channel.kind is ChannelKind.PUBLIC or slack.workspace.has_bot(channel))
        and not (arguments.exclude_archived and channel.is_archived)
    ]
    page, cursor = paged(listed, arguments.cursor, min(arguments.limit, slack.limits.page_size))
    return {
        "channels": [channel_document(slack.workspace, channel) for channel in page],
        "response_metadata": {"next_cursor": cursor},
    }


def paged(items: Sequence[T], cursor: str | None, limit: int) -> tuple[Sequence[T], str]:
    """One page and the cursor to the next one, empty after the last.

    Raises:
        SlackError: invalid_cursor.
    """
    start = 0
    if cursor:
        try:
            start = int(base64.b64decode(cursor, validate=True).removeprefix(b"next:"))
        except (ValueError, binascii.Error):
            raise SlackError("invalid_cursor") from None
    end = start + limit
    more = end < len(items)
    return items[start:end], base64.b64encode(b"next:%d" % end).decode() if more else ""


def _readable(slack: Backend, channel_id: str) -> Channel:
    channel = slack.channel(channel_id)
    slack.require_channel_scope(channel, "history")
    if not slack.workspace.has_bot(channel):
        raise SlackError("not_in_channel")
    return channel


def _visible(slack: Backend, message: Message) -> bool:
    age = slack.workspace.clock.monotonic() - message.posted_at
    return age >= slack.limits.history_lag


def _messages(
    slack: Backend, page: Sequence[Message], cursor: str, *, with_metadata: bool
) -> JsonObject:
    answer: JsonObject = {
        "messages": [
            message_document(slack.workspace, message, with_metadata=with_metadata)
            for message in page
        ],
        "has_more": bool(cursor),
        "pin_count": 0,
    }
    return {**answer, "response_metadata": {"next_cursor": cursor}} if cursor else answer


def _moment(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0"))


METHODS = (
    method("conversations.info", Info, info, tier=Tier.THREE),
    method("conversations.history", History, history, tier=Tier.THREE),
    method("conversations.replies", Replies, replies, tier=Tier.THREE),
    method("conversations.open", Open, open_direct_message, tier=Tier.THREE, scopes=("im:write",)),
    method("users.conversations", OfUser, of_user, tier=Tier.THREE),
    method("conversations.members", Members, members, tier=Tier.FOUR),
)
