"""chat.startStream, appendStream and stopStream: a message whose text comes piece by piece."""

from bot.sandbox.slack.blocks import check_message
from bot.sandbox.slack.conversations import Channel, ChannelKind, Message
from bot.sandbox.slack.documents import message_document
from bot.sandbox.slack.rate_limits import Tier
from bot.sandbox.slack.web_api.call import (
    Arguments,
    Backend,
    JsonArrayArgument,
    JsonObjectArgument,
    SlackError,
    method,
    refuse,
)
from bot.sandbox.slack.web_api.chat import live_thread
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Content

# "Limited to 12,000 characters": of each call, and here of the whole message too.
MOST_MARKDOWN = 12_000


class StartStream(Arguments):
    channel: str
    thread_ts: str
    markdown_text: str | None = None
    recipient_user_id: str | None = None
    recipient_team_id: str | None = None


class AppendStream(Arguments):
    channel: str
    ts: str
    markdown_text: str


class StopStream(Arguments):
    channel: str
    ts: str
    markdown_text: str | None = None
    blocks: JsonArrayArgument | None = None
    metadata: JsonObjectArgument | None = None


def start_stream(slack: Backend, arguments: StartStream) -> JsonObject:
    """Post a reply that streams; in a channel it names whom it answers.

    Slack itself fails silently without recipients for some clients, so they are required here.
    """
    channel = _writable(slack, arguments.channel)
    if slack.limits.refuse_streams:
        raise SlackError("feature_not_enabled")
    if channel.kind is not ChannelKind.DIRECT:
        for name in ("recipient_user_id", "recipient_team_id"):
            if not getattr(arguments, name):
                raise SlackError(f"missing_{name}")
        recipient = slack.workspace.users.get(arguments.recipient_user_id or "")
        if recipient is None or recipient.team_id != arguments.recipient_team_id:
            raise SlackError("user_not_found")
    text = _checked("", arguments.markdown_text)
    thread_ts = live_thread(channel, arguments.thread_ts)
    message = slack.workspace.post(
        channel,
        slack.workspace.bot,
        Content(text=text),
        thread_ts=thread_ts,
        is_streaming=True,
    )
    slack.workspace.edit(message, Content(text=text), is_marked=False)
    return {"channel": channel.id, "ts": message.ts}


def append_stream(slack: Backend, arguments: AppendStream) -> JsonObject:
    message = _streaming(slack, arguments.channel, arguments.ts)
    if not arguments.markdown_text:
        raise SlackError("no_text")
    text = _checked(message.text, arguments.markdown_text)
    slack.workspace.edit(message, Content(text=text), is_marked=False)
    return {"channel": arguments.channel, "ts": message.ts}


def stop_stream(slack: Backend, arguments: StopStream) -> JsonObject:
    message = _streaming(slack, arguments.channel, arguments.ts)
    text = _checked(message.text, arguments.markdown_text)
    if arguments.blocks or arguments.metadata:
        more = arguments.model_dump(exclude_none=True, include={"blocks", "metadata"})
        refuse(check_message({**more, "text": "its text has its own limit"}))
    message.is_streaming = False
    slack.workspace.edit(
        message,
        Content(text=text, blocks=arguments.blocks or [], metadata=arguments.metadata),
        is_marked=False,
    )
    document = message_document(slack.workspace, message)
    return {"channel": arguments.channel, "ts": message.ts, "message": document}


def _writable(slack: Backend, channel_id: str) -> Channel:
    channel = slack.channel(channel_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    if not slack.workspace.has_bot(channel):
        raise SlackError("not_in_channel")
    return channel


def _streaming(slack: Backend, channel_id: str, ts: str) -> Message:
    channel = _writable(slack, channel_id)
    message = channel.messages.get(ts)
    if message is None or message.deleted:
        raise SlackError("message_not_found")
    if message.user_id != slack.workspace.bot.id:
        raise SlackError("message_not_owned_by_app")
    if not message.is_streaming:
        raise SlackError("message_not_in_streaming_state")
    return message


def _checked(before: str, more: str | None) -> str:
    text = before + (more or "")
    if len(text) > MOST_MARKDOWN:
        raise SlackError("msg_too_long")
    return text


_WRITE = ("chat:write",)
METHODS = (
    method("chat.startStream", StartStream, start_stream, tier=Tier.TWO, scopes=_WRITE),
    method("chat.appendStream", AppendStream, append_stream, tier=Tier.FOUR, scopes=_WRITE),
    method("chat.stopStream", StopStream, stop_stream, tier=Tier.TWO, scopes=_WRITE),
)
