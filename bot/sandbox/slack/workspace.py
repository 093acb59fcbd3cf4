"""The workspace's state: users, channels, messages, and the app's installation."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.changes import (
    Changes,
    ChannelChanged,
    InstallationChanged,
    MessageDeleted,
    MessagePosted,
    MessageUpdated,
    UserAdded,
)
from bot.sandbox.slack.conversations import Channel, ChannelKind, Message, User, Usergroup
from bot.sandbox.slack.identifiers import Identifiers
from bot.sandbox.slack.wire import JsonObject


class Installation(StrEnum):
    INSTALLED = "installed"
    UNINSTALLED = "account_inactive"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - Slack's name of an error


@dataclass(frozen=True, slots=True)
class Identity:
    """The workspace and the app.

    Attributes:
        enterprise_id: The organisation of an Enterprise workspace.
        org_wide: Whether the app is installed for the whole organisation; payloads then carry
            `is_enterprise_install` and may lack `team`.
    """

    team_id: str
    team_domain: str
    team_name: str
    enterprise_id: str | None
    org_wide: bool
    app_id: str
    bot_id: str
    bot_name: str
    scopes: frozenset[str]

    @property
    def enterprise(self) -> JsonObject | None:
        if self.enterprise_id is None:
            return None
        return {"id": self.enterprise_id, "name": "Sandbox Organisation"}


@dataclass(slots=True)
class Content:
    """A message's content.

    Attributes:
        text: The notification's text.
        blocks: Block Kit blocks; those without a block_id get one.
        metadata: `event_type` and `event_payload`.
    """

    text: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None


class Workspace:
    """Holds the state; every change is published."""

    def __init__(self, identity: Identity, clock: SandboxClock, changes: Changes) -> None:
        self.identity = identity
        self.clock = clock
        self.changes = changes
        self.ids = Identifiers()
        self.users: dict[str, User] = {}
        self.usergroups: dict[str, Usergroup] = {}
        self.channels: dict[str, Channel] = {}
        self.installation = Installation.INSTALLED
        self.bot = self.add_user(identity.bot_name, real_name=identity.bot_name, is_bot=True)

    # Users and channels

    def add_user(
        self,
        name: str,
        *,
        real_name: str = "",
        team_id: str | None = None,
        tz: str = "Europe/Amsterdam",
        is_admin: bool = False,
        is_owner: bool = False,
        is_bot: bool = False,
        deleted: bool = False,
    ) -> User:
        """Add a user; `team_id` makes it one of another organisation."""
        user = User(
            id=self.ids.mint("U"),
            name=name,
            real_name=real_name or name,
            team_id=team_id or self.identity.team_id,
            tz=tz,
            is_admin=is_admin or is_owner,
            is_owner=is_owner,
            is_bot=is_bot,
            deleted=deleted,
        )
        self.users[user.id] = user
        self.changes.publish(UserAdded(user))
        return user

    def add_usergroup(self, handle: str, members: Iterable[User]) -> Usergroup:
        group = Usergroup(self.ids.mint("S"), handle, handle, [user.id for user in members])
        self.usergroups[group.id] = group
        return group

    def add_channel(
        self, name: str, kind: ChannelKind, members: Collection[User], *, shared: bool = False
    ) -> Channel:
        channel = Channel(
            id=self.ids.mint("D" if kind is ChannelKind.DIRECT else "C"),
            name=name,
            kind=kind,
            created=self.clock.now(),
            creator_id=next((user.id for user in members), self.bot.id),
            member_ids=[user.id for user in members],
            is_ext_shared=shared,
        )
        self.channels[channel.id] = channel
        self.changes.publish(ChannelChanged(channel))
        return channel

    def direct_message(self, user: User) -> Channel:
        """The direct message between the bot and a user, created if needed."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DIRECT and user.id in channel.member_ids:
                return channel
        return self.add_channel("", ChannelKind.DIRECT, [user, self.bot])

    def channel(self, reference: Channel | str) -> Channel:
        """The channel of this id or name (with or without #), or LookupError."""
        if isinstance(reference, Channel):
            return reference
        if reference in self.channels:
            return self.channels[reference]
        for channel in self.channels.values():
            if channel.name and channel.name == reference.removeprefix("#"):
                return channel
        raise LookupError(f"no channel {reference!r}")

    def set_archived(self, channel: Channel, *, archived: bool) -> None:
        channel.is_archived = archived
        self.changes.publish(ChannelChanged(channel))

    def set_member(self, channel: Channel, user: User, *, member: bool) -> None:
        if member and user.id not in channel.member_ids:
            channel.member_ids.append(user.id)
        elif not member and user.id in channel.member_ids:
            channel.member_ids.remove(user.id)
        self.changes.publish(ChannelChanged(channel))

    def has_bot(self, channel: Channel) -> bool:
        return self.bot.id in channel.member_ids

    def set_installation(self, state: Installation) -> None:
        self.installation = state
        if state is Installation.UNINSTALLED:
            for channel in self.channels.values():
                if channel.kind is not ChannelKind.DIRECT and self.has_bot(channel):
                    self.set_member(channel, self.bot, member=False)
        self.changes.publish(InstallationChanged(state.value))

    def post(
        self,
        channel: Channel,
        author: User,
        content: Content,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        ephemeral_to: str | None = None,
        unfurls: tuple[bool | None, bool | None] = (None, None),
        is_streaming: bool = False,
    ) -> Message:
        message = Message(
            channel_id=channel.id,
            ts=self.ids.timestamp(self.clock.now()),
            user_id=author.id,
            by_app=author is self.bot,
            posted_at=self.clock.monotonic(),
            text=content.text,
            blocks=self.with_block_ids(content.blocks),
            metadata=content.metadata,
            thread_ts=thread_ts,
            broadcast=broadcast,
            ephemeral_to=ephemeral_to,
            unfurls=unfurls,
            is_streaming=is_streaming,
            is_markdown=is_streaming,
        )
        if ephemeral_to is None:
            channel.messages[message.ts] = message
        else:
            channel.ephemerals.append(message)
        self.changes.publish(MessagePosted(message))
        return message

    def edit(self, message: Message, content: Content, *, is_marked: bool = True) -> None:
        """Replace a message's content; `edited_at` is set only where text is shown.

        Args:
            is_marked: False for a stream, which Slack doesn't show as edited.
        """
        message.text = content.text
        message.blocks = self.with_block_ids(content.blocks)
        message.metadata = content.metadata
        message.revisions += 1
        if is_marked and not content.blocks:
            message.edited_at = self.clock.now()
        self.changes.publish(MessageUpdated(message))

    def delete(self, message: Message) -> None:
        """Delete a message; a root with replies leaves a tombstone."""
        message.deleted = True
        channel = self.channels[message.channel_id]
        if message.ephemeral_to is not None:
            channel.ephemerals.remove(message)
        self.changes.publish(MessageDeleted(message))

    def with_block_ids(self, blocks: Sequence[JsonObject]) -> list[JsonObject]:
        return [
            {**block, "block_id": block.get("block_id") or self.ids.block()} for block in blocks
        ]
