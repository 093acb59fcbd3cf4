"""Users, user groups, channels and messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.sandbox.slack.wire import JsonObject


@dataclass(eq=False, slots=True)
class User:
    """A person or a bot.

    Attributes:
        name: The handle, without @.
        team_id: The user's workspace; another one for people from other organisations.
        tz: IANA name of the time zone.
        deleted: Whether the account is deactivated.
    """

    id: str
    name: str
    real_name: str
    team_id: str
    tz: str = "Europe/Amsterdam"
    is_admin: bool = False
    is_owner: bool = False
    is_bot: bool = False
    deleted: bool = False


@dataclass(eq=False, slots=True)
class Usergroup:
    """A user group such as @ml-oncall; its id starts with S, its handle has no @."""

    id: str
    handle: str
    name: str
    user_ids: list[str]
    disabled: bool = False


class ChannelKind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


@dataclass(eq=False, slots=True)
class Message:
    """A message, a reply, or an ephemeral message.

    Attributes:
        ts: Its identifier within the channel, and the moment it was posted.
        by_app: Whether the app under test posted it.
        text: The notification's text, and the message where there are no blocks.
        blocks: Block Kit blocks, each with a block_id.
        metadata: `event_type` and `event_payload`.
        thread_ts: The root's ts, of a reply.
        broadcast: Whether a reply is shown in the channel too.
        ephemeral_to: The only user who sees it; None for an ordinary message.
        posted_at: Seconds on the workspace's monotonic clock.
        is_streaming: More text may come.
        is_markdown: Its text is Markdown, since it was streamed.
        unfurls: The values of unfurl_links and unfurl_media as sent.
    """

    channel_id: str
    ts: str
    user_id: str
    by_app: bool
    posted_at: float
    text: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    ephemeral_to: str | None = None
    edited_at: datetime | None = None
    revisions: int = 0
    deleted: bool = False
    is_streaming: bool = False
    is_markdown: bool = False
    unfurls: tuple[bool | None, bool | None] = (None, None)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def words(self) -> str:
        """All readable text of its blocks, one piece a line; `text` without blocks."""
        return "\n".join(_words(self.blocks)) if self.blocks else self.text

    @property
    def buttons(self) -> list[str]:
        """The labels of buttons, and of the options in the menus beside them."""
        return [
            label
            for block in self.blocks
            for element in (block.get("elements") or [block.get("accessory") or {}])
            for label in _labels(element, is_row=block["type"] == "actions")
        ]


@dataclass(eq=False, slots=True)
class Channel:
    """A channel or a direct message.

    Attributes:
        id: Starts with C, D for a direct message.
        name: Without #; empty for a direct message.
        member_ids: In the order of joining.
        is_ext_shared: Whether people from another organisation are in it.
        messages: By ts in order of posting: roots, replies and tombstones.
    """

    id: str
    name: str
    kind: ChannelKind
    created: datetime
    creator_id: str
    member_ids: list[str] = field(default_factory=list)
    is_archived: bool = False
    is_ext_shared: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    ephemerals: list[Message] = field(default_factory=list)

    def replies(self, thread_ts: str) -> list[Message]:
        """The existing replies to a message, oldest first."""
        return [
            message
            for message in self.messages.values()
            if message.is_reply and message.thread_ts == thread_ts and not message.deleted
        ]


def _words(part: object) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _words(item)
    elif isinstance(part, dict) and str(part.get("type")).startswith("rich_text_"):
        elements = part["elements"]
        if part["type"] == "rich_text_list":
            yield from _words(elements)
        else:
            yield "".join(_words(elements))
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("text", "title", "alt_text") and isinstance(value, str):
                yield value
            elif key != "confirm":
                yield from _words(value)


def _labels(element: JsonObject, *, is_row: bool) -> list[str]:
    match element.get("type"):
        case "button":
            return [element["text"]["text"]]
        case "overflow" if is_row:
            return [option["text"]["text"] for option in element["options"]]
        case _:
            return []
