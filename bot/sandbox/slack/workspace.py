"""The workspace's state: people, channels, messages, and whether the app is installed."""

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
    """Whether the app may call the Web API, and why not."""

    INSTALLED = "installed"
    UNINSTALLED = "account_inactive"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - Slack's name of an error


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the workspace and the app are to each other.

    Attributes:
        team_id: The workspace.
        team_domain: The first part of its address.
        team_name: The name people read.
        enterprise_id: The organisation of an Enterprise workspace.
        org_wide: Whether the app is installed for the whole organisation; payloads then carry
            `is_enterprise_install` and may lack `team`.
        app_id: The app.
        bot_id: The app's bot, as messages name it.
        bot_name: The handle of the bot's user.
        scopes: What the bot token may do.
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
        """The organisation as payloads name it."""
        if self.enterprise_id is None:
            return None
        return {"id": self.enterprise_id, "name": "Sandbox Organisation"}


@dataclass(slots=True)
class Content:
    """What a message says, apart from where and by whom.

    Attributes:
        text: The notification's text.
        blocks: Block Kit blocks; those without a block_id get one.
        metadata: `event_type` and `event_payload`.
    """

    text: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None


class Workspace:
    """Hold the state and change it; every change is published.

    Args:
        identity: The workspace and the app.
        clock: Dates everything.
        changes: Where changes are published.
    """

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

    # People

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
        """Add a user; `team_id` makes it somebody from another organisation."""
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
        """Add a user group."""
        group = Usergroup(self.ids.mint("S"), handle, handle, [user.id for user in members])
        self.usergroups[group.id] = group
        return group

    # Channels

    def add_channel(
        self, name: str, kind: ChannelKind, members: Collection[User], *, shared: bool = False
    ) -> Channel:
        """Add a channel with these members."""
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
        """Return the direct message between the bot and a user, made if need be."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DIRECT and user.id in channel.member_ids:
                return channel
        return self.add_channel("", ChannelKind.DIRECT, [user, self.bot])

    def channel(self, reference: Channel | str) -> Channel:
        """Return a channel by itself, its id, or its name with or without #.

        Raises:
            LookupError: If there is none.
        """
        if isinstance(reference, Channel):
            return reference
        if reference in self.channels:
            return self.channels[reference]
        for channel in self.channels.values():
            if channel.name and channel.name == reference.removeprefix("#"):
                return channel
        raise LookupError(f"no channel {reference!r}")

    def set_archived(self, channel: Channel, *, archived: bool) -> None:
        """Archive a channel or bring it back."""
        channel.is_archived = archived
        self.changes.publish(ChannelChanged(channel))

    def set_member(self, channel: Channel, user: User, *, member: bool) -> None:
        """Let a user join or leave a channel."""
        if member and user.id not in channel.member_ids:
            channel.member_ids.append(user.id)
        elif not member and user.id in channel.member_ids:
            channel.member_ids.remove(user.id)
        self.changes.publish(ChannelChanged(channel))

    def has_bot(self, channel: Channel) -> bool:
        """Tell whether the bot is a member."""
        return self.bot.id in channel.member_ids

    # The app

    def set_installation(self, state: Installation) -> None:
        """Install, uninstall or cut off the app."""
        self.installation = state
        if state is Installation.UNINSTALLED:
            for channel in self.channels.values():
                if channel.kind is not ChannelKind.DIRECT and self.has_bot(channel):
                    self.set_member(channel, self.bot, member=False)
        self.changes.publish(InstallationChanged(state.value))

    # Messages

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
    ) -> Message:
        """Add a message, a reply or an ephemeral message."""
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
        )
        if ephemeral_to is None:
            channel.messages[message.ts] = message
        else:
            channel.ephemerals.append(message)
        self.changes.publish(MessagePosted(message))
        return message

    def edit(self, message: Message, content: Content) -> None:
        """Put new content into a message; `edited_at` is set where text alone is shown."""
        message.text = content.text
        message.blocks = self.with_block_ids(content.blocks)
        message.metadata = content.metadata
        message.revisions += 1
        if not content.blocks:
            message.edited_at = self.clock.now()
        self.changes.publish(MessageUpdated(message))

    def delete(self, message: Message) -> None:
        """Take a message away; a root with replies leaves a tombstone above them."""
        message.deleted = True
        channel = self.channels[message.channel_id]
        if message.ephemeral_to is not None:
            channel.ephemerals.remove(message)
        self.changes.publish(MessageDeleted(message))

    def with_block_ids(self, blocks: Sequence[JsonObject]) -> list[JsonObject]:
        """Return the blocks, each with a block_id."""
        return [
            {**block, "block_id": block.get("block_id") or self.ids.block()} for block in blocks
        ]
