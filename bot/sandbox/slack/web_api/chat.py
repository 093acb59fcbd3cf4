"""chat.*: post, edit and delete messages."""

from pydantic import Field

from bot.sandbox.slack.blocks import check_message
from bot.sandbox.slack.conversations import Channel, Message
from bot.sandbox.slack.documents import message_document
from bot.sandbox.slack.rate_limits import Limits, Tier
from bot.sandbox.slack.web_api.call import (
    Arguments,
    Backend,
    JsonArrayArgument,
    JsonObjectArgument,
    RateLimitedError,
    SlackError,
    method,
    refuse,
)
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Content


class _Content(Arguments):
    channel: str
    text: str | None = None
    blocks: JsonArrayArgument | None = None
    attachments: JsonArrayArgument | None = None
    metadata: JsonObjectArgument | None = None
    parse: str | None = None
    link_names: bool | None = None

    def sent_fields(self) -> JsonObject:
        return self.model_dump(exclude_unset=True, exclude={"team_id"})


class PostMessage(_Content):
    thread_ts: str | None = None
    reply_broadcast: bool = False
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    mrkdwn: bool | None = None


class PostEphemeral(_Content):
    user: str
    thread_ts: str | None = None


class Update(_Content):
    ts: str
    reply_broadcast: bool = False


class Delete(Arguments):
    channel: str
    ts: str


class GetPermalink(Arguments):
    channel: str
    message_ts: str = Field(pattern=r"^\d+\.\d{6}$")


def check_content(sent_fields: JsonObject, limits: Limits) -> Content:
    """A new message's content.

    Args:
        sent_fields: The arguments as sent, with `text`, `blocks` and `metadata`.
        limits: Whether `plan` blocks are known here.

    Raises:
        SlackError: no_text, msg_too_long, invalid_blocks and the like.
    """
    refuse(check_message(sent_fields))
    blocks: list[JsonObject] = sent_fields.get("blocks") or []
    if limits.refuse_plan:
        for index, block in enumerate(blocks):
            if block["type"] == "plan":
                words = f"[ERROR] unsupported type: plan [json-pointer:/blocks/{index}/type]"
                raise SlackError("invalid_blocks", [words])
    return Content(
        text=sent_fields.get("text") or "",
        blocks=blocks,
        metadata=sent_fields.get("metadata") or None,
    )


def post_message(slack: Backend, arguments: PostMessage) -> JsonObject:
    channel = _conversation(slack, arguments.channel)
    _may_post(slack, channel)
    content = check_content(arguments.sent_fields(), slack.limits)
    thread_ts = live_thread(channel, arguments.thread_ts)
    if (retry_after := slack.limiter.message(channel.id, slack.limits)) is not None:
        raise RateLimitedError(retry_after)
    message = slack.workspace.post(
        channel,
        slack.workspace.bot,
        content,
        thread_ts=thread_ts,
        broadcast=arguments.reply_broadcast and thread_ts is not None,
        unfurls=(arguments.unfurl_links, arguments.unfurl_media),
    )
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": message_document(slack.workspace, message),
    }


def post_ephemeral(slack: Backend, arguments: PostEphemeral) -> JsonObject:
    channel = slack.channel(arguments.channel)
    _may_post(slack, channel)
    content = check_content(arguments.sent_fields(), slack.limits)
    if arguments.user not in channel.member_ids:
        raise SlackError("user_not_in_channel")
    message = slack.workspace.post(
        channel,
        slack.workspace.bot,
        content,
        thread_ts=live_thread(channel, arguments.thread_ts),
        ephemeral_to=arguments.user,
    )
    return {"message_ts": message.ts}


def update(slack: Backend, arguments: Update) -> JsonObject:
    """Edit one of the bot's own messages.

    Text without blocks removes the blocks; blocks without text keep the text; omitted metadata
    stays. Ephemeral messages aren't found.
    """
    channel = slack.channel(arguments.channel)
    if channel.is_archived:
        raise SlackError("is_inactive")
    _must_be_member(slack, channel)
    message = _own_message(slack, channel, arguments.ts, "cant_update_message")
    window = slack.limits.edit_window
    if window is not None and slack.workspace.clock.monotonic() - message.posted_at > window:
        raise SlackError("edit_window_closed")
    sent_fields = arguments.sent_fields()
    if "text" not in sent_fields and "blocks" not in sent_fields:
        raise SlackError("no_text")
    if "text" not in sent_fields:
        sent_fields["text"] = message.text
    kept = message.metadata if "metadata" not in sent_fields else None
    if sent_fields.get("metadata") == {}:
        del sent_fields["metadata"]
    if sent_fields.get("blocks") == []:
        del sent_fields["blocks"]
    content = check_content(sent_fields, slack.limits)
    content.metadata = content.metadata or kept
    if arguments.reply_broadcast:
        if not message.is_reply:
            raise SlackError("cant_broadcast_message")
        message.broadcast = True
    slack.workspace.edit(message, content)
    document = message_document(slack.workspace, message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": document}


def delete(slack: Backend, arguments: Delete) -> JsonObject:
    channel = slack.channel(arguments.channel)
    _must_be_member(slack, channel)
    message = _own_message(slack, channel, arguments.ts, "cant_delete_message")
    slack.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(slack: Backend, arguments: GetPermalink) -> JsonObject:
    channel = slack.channel(arguments.channel)
    message = channel.messages.get(arguments.message_ts)
    if message is None or message.deleted:
        raise SlackError("message_not_found")
    domain = slack.workspace.identity.team_domain
    link = f"https://{domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _conversation(slack: Backend, reference: str) -> Channel:
    user = slack.workspace.users.get(reference)
    if user is not None and not user.is_bot and not user.deleted:
        return slack.workspace.direct_message(user)
    return slack.channel(reference)


def _may_post(slack: Backend, channel: Channel) -> None:
    if channel.is_archived:
        raise SlackError("is_archived")
    _must_be_member(slack, channel)


def _must_be_member(slack: Backend, channel: Channel) -> None:
    if not slack.workspace.has_bot(channel):
        raise SlackError("not_in_channel")


def live_thread(channel: Channel, thread_ts: str | None) -> str | None:
    """The thread of a new message; None if its root was deleted, as in Slack.

    Raises:
        SlackError: thread_not_found, or cannot_reply_to_message for a reply to a reply.
    """
    if thread_ts is None:
        return None
    root = channel.messages.get(thread_ts)
    if root is None:
        raise SlackError("thread_not_found")
    if root.is_reply:
        raise SlackError("cannot_reply_to_message")
    return None if root.deleted else thread_ts


def _own_message(slack: Backend, channel: Channel, ts: str, otherwise: str) -> Message:
    message = channel.messages.get(ts)
    if message is None or message.deleted:
        raise SlackError("message_not_found")
    if message.user_id != slack.workspace.bot.id:
        raise SlackError(otherwise)
    return message


_WRITE = ("chat:write",)
METHODS = (
    method("chat.postMessage", PostMessage, post_message, tier=Tier.SPECIAL, scopes=_WRITE),
    method("chat.postEphemeral", PostEphemeral, post_ephemeral, tier=Tier.FOUR, scopes=_WRITE),
    method("chat.update", Update, update, tier=Tier.THREE, scopes=_WRITE),
    method("chat.delete", Delete, delete, tier=Tier.THREE, scopes=_WRITE),
    method("chat.getPermalink", GetPermalink, get_permalink, tier=Tier.SPECIAL),
)
