"""What a workspace consists of: people, user groups, channels and messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.sandbox.slack.wire import JsonObject


@dataclass(eq=False, slots=True)
class User:
    """A person or a bot.

    Attributes:
        id: Starts with U.
        name: The handle, without @.
        real_name: The name people read.
        team_id: The workspace the user belongs to; another one for people from other organisations.
        tz: IANA name of the time zone.
        is_admin: Whether the user administers the workspace.
        is_owner: Whether the user owns it; owners are admins too.
        is_bot: Whether an app stands behind the user.
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
    """A user group such as @ml-oncall.

    Attributes:
        id: Starts with S.
        handle: Without @.
        name: The name people read.
        user_ids: Its members.
        disabled: Whether it was switched off.
    """

    id: str
    handle: str
    name: str
    user_ids: list[str]
    disabled: bool = False


class ChannelKind(StrEnum):
    """The kinds of conversations an app meets."""

    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


@dataclass(eq=False, slots=True)
class Message:
    """A message, a reply, or an ephemeral message that one person sees.

    Attributes:
        channel_id: Where it is.
        ts: Its identifier within the channel, and the moment it was posted.
        user_id: Who posted it.
        by_app: Whether the app under test posted it.
        text: The notification's text, and the message where there are no blocks.
        blocks: Block Kit blocks, each with a block_id.
        metadata: `event_type` and `event_payload`, if it was posted with them.
        thread_ts: The root's ts if this is a reply, or was made to be one.
        broadcast: Whether a reply is shown in the channel too.
        ephemeral_to: The one person who sees it, or None for an ordinary message.
        edited_at: When its text was last changed.
        revisions: How often it was changed.
        deleted: Whether it is gone, or only its tombstone above replies is left.
        posted_at: Seconds on the workspace's monotonic clock.
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
    unfurls: tuple[bool | None, bool | None] = (None, None)

    @property
    def is_reply(self) -> bool:
        """Whether it belongs to another message's thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def words(self) -> str:
        """Everything a person can read in its blocks, one piece a line; `text` without blocks."""
        return "\n".join(_words(self.blocks)) if self.blocks else self.text

    @property
    def buttons(self) -> list[str]:
        """The visible texts of its buttons."""
        return [element["text"]["text"] for element in _typed(self.blocks, "button")]


@dataclass(eq=False, slots=True)
class Channel:
    """A channel or a direct message.

    Attributes:
        id: Starts with C, D for a direct message.
        name: Without #; empty for a direct message.
        kind: Public, private or direct.
        member_ids: Who is in it, in the order of joining.
        is_archived: Whether it was archived.
        is_ext_shared: Whether people from another organisation are in it.
        created: When it was made.
        creator_id: Who made it.
        messages: By ts in order of posting: roots, replies and tombstones.
        ephemerals: Messages that one person sees, in order of posting.
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
        """Return the replies to a message that are still there, oldest first."""
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


def _typed(part: object, kind: str) -> Iterator[JsonObject]:
    if isinstance(part, list):
        for item in part:
            yield from _typed(item, kind)
    elif isinstance(part, dict):
        if part.get("type") == kind:
            yield part
        for value in part.values():
            yield from _typed(value, kind)
