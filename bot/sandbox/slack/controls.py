"""Controls over a workspace: adding, archiving, uninstalling, reading."""

import dataclasses
from collections.abc import Collection, Iterable

from bot.sandbox.slack.conversations import Channel, ChannelKind, Message, User, Usergroup
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.workspace import Installation, Workspace


class Controls:
    """Changes the workspace; the app is notified of the events it subscribed to."""

    def __init__(self, workspace: Workspace, events: Events) -> None:
        self.workspace = workspace
        self.events = events

    # People and channels

    def add_user(
        self,
        name: str,
        *,
        real_name: str = "",
        is_admin: bool = False,
        is_owner: bool = False,
        tz: str = "Europe/Amsterdam",
        team_id: str | None = None,
        deleted: bool = False,
    ) -> User:
        """Add a user; `team_id` makes it one of another organisation."""
        return self.workspace.add_user(
            name,
            real_name=real_name,
            is_admin=is_admin,
            is_owner=is_owner,
            tz=tz,
            team_id=team_id,
            deleted=deleted,
        )

    def add_usergroup(self, handle: str, members: Iterable[User]) -> Usergroup:
        return self.workspace.add_usergroup(handle, members)

    def add_channel(
        self,
        name: str,
        *,
        members: Iterable[User],
        bot_member: bool = True,
        is_private: bool = False,
        shared: bool = False,
    ) -> Channel:
        """Add a channel; `shared` with another organisation over Slack Connect."""
        people = [*members, *([self.workspace.bot] if bot_member else [])]
        kind = ChannelKind.PRIVATE if is_private else ChannelKind.PUBLIC
        return self.workspace.add_channel(name, kind, people, shared=shared)

    def direct_message(self, user: User) -> Channel:
        return self.workspace.direct_message(user)

    def archive(self, channel: Channel | str) -> None:
        self._set_archived(self.workspace.channel(channel), archived=True)

    def unarchive(self, channel: Channel | str) -> None:
        self._set_archived(self.workspace.channel(channel), archived=False)

    def invite_bot(self, channel: Channel | str) -> None:
        self.set_member(channel, self.workspace.bot, member=True)

    def remove_bot(self, channel: Channel | str) -> None:
        self.set_member(channel, self.workspace.bot, member=False)

    def set_member(self, channel: Channel | str, user: User, *, member: bool) -> None:
        found = self.workspace.channel(channel)
        self.workspace.set_member(found, user, member=member)
        kind = "member_joined_channel" if member else "member_left_channel"
        self.events.announce({"type": kind, "user": user.id, "channel": found.id})

    # The app

    def uninstall(self) -> None:
        """Uninstall the app: calls fail with account_inactive, the bot leaves all channels."""
        self.workspace.set_installation(Installation.UNINSTALLED)
        self.events.announce({"type": "app_uninstalled"})

    def revoke_token(self) -> None:
        """Revoke the bot token: calls fail with token_revoked."""
        self.workspace.set_installation(Installation.TOKEN_REVOKED)
        tokens = {"oauth": [], "bot": [self.workspace.bot.id]}
        self.events.announce({"type": "tokens_revoked", "tokens": tokens})

    def reinstall(self) -> None:
        """Install the app again with the same token; channels must invite it again."""
        self.workspace.set_installation(Installation.INSTALLED)

    def set_scopes(self, scopes: Collection[str]) -> None:
        identity = self.workspace.identity
        self.workspace.identity = dataclasses.replace(identity, scopes=frozenset(scopes))

    # Messages

    def messages(self, channel: Channel | str) -> list[Message]:
        """What the channel itself shows: messages and broadcast replies, oldest first."""
        found = self.workspace.channel(channel)
        return [
            message
            for message in found.messages.values()
            if not message.deleted and (not message.is_reply or message.broadcast)
        ]

    def thread(self, channel: Channel | str, root: Message | str) -> list[Message]:
        found = self.workspace.channel(channel)
        first = root if isinstance(root, Message) else found.messages[root]
        return [*([] if first.deleted else [first]), *found.replies(first.ts)]

    def delete_message(self, channel: Channel | str, message: Message | str) -> None:
        found = self.workspace.channel(channel)
        gone = message if isinstance(message, Message) else found.messages[message]
        self.workspace.delete(gone)

    def _set_archived(self, channel: Channel, *, archived: bool) -> None:
        self.workspace.set_archived(channel, archived=archived)
        kind = "channel_archive" if archived else "channel_unarchive"
        self.events.announce({"type": kind, "channel": channel.id})
