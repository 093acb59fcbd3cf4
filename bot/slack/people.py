"""What Slack tells about people and channels: who administers, and whether the bot is a member."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.actors import Actor, ChannelRef
from bot.messages.body import Body
from bot.slack.calls import ErrorKind, Failure, attempt
from bot.slack.clients import SlackClients

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_PAGES = 5
_CHANNELS_A_PAGE = 999
_GROUP_KEPT_SECONDS = 60.0
_MEMBER_KEPT_SECONDS = 60.0


class Membership(StrEnum):
    """Whether the bot can post in a channel."""

    MEMBER = "member"
    NOT_A_MEMBER = "not_a_member"
    ARCHIVED = "archived"
    NOT_A_CHANNEL = "not_a_channel"
    """A direct message, where no team could follow."""
    UNKNOWN = "unknown"
    """Slack didn't say in time."""


class People:
    """Asks Slack about people and channels.

    Args:
        admins: User ids that may administer targets beside the workspace's own admins.
        clock: Seconds, by which answers of Slack are kept.
    """

    def __init__(
        self,
        clients: SlackClients,
        admins: frozenset[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._clients = clients
        self._admins = admins
        # Members by group, and when to ask again: the method takes some twenty calls a minute.
        self._groups: dict[str, tuple[frozenset[str], float]] = {}
        self._group_names: tuple[Mapping[str, str], float] = ({}, 0.0)
        self._memberships: dict[str, asyncio.Task[Membership]] = {}
        # Until when a channel that we are a member of needn't be asked about: the method takes some
        # fifty calls a minute. Who has just invited us is never told anything old.
        self._member_of: dict[str, float] = {}

    async def is_admin(self, person_id: str) -> bool | None:
        """Whether a person may administer targets; None if Slack doesn't say now."""
        if person_id in self._admins:
            return True
        answer = await attempt(self._client.users_info(user=person_id))
        if isinstance(answer, Failure):
            log.warning("couldn't ask who is an admin", error=answer.error)
            return None if answer.is_transient else False
        return _is_admin(answer.get("user"))

    async def admins(self) -> Sequence[str]:
        """People who may administer targets: those of the settings first, then the workspace's."""
        found = sorted(self._admins)
        cursor: str | None = None
        for _ in range(_PAGES):
            answer = await attempt(self._client.users_list(limit=200, cursor=cursor))
            if isinstance(answer, Failure):
                break
            members = answer.get("members")
            for member in members if isinstance(members, list) else []:
                if _is_admin(member) and member["id"] not in found:
                    found.append(member["id"])
            cursor = _next(answer)
            if not cursor:
                break
        return found

    async def is_in_group(self, person_id: str, group_id: str) -> bool | None:
        """Whether a person belongs to a user group; None if Slack doesn't say now.

        Who has left it counts as a member for a minute at most.
        """
        members, until = self._groups.get(group_id, (frozenset(), 0.0))
        present = self._clock()
        if present >= until:
            answer = await attempt(self._client.usergroups_users_list(usergroup=group_id))
            if isinstance(answer, Failure):
                log.warning("couldn't ask who is in a group", error=answer.error)
                # A group that is gone has nobody in it.
                return False if answer.kind is ErrorKind.REFUSED else None
            users = answer.get("users")
            listed = users if isinstance(users, list) else []
            members = frozenset(user for user in listed if isinstance(user, str))
            self._groups[group_id] = (members, present + _GROUP_KEPT_SECONDS)
        return person_id in members

    async def groups(self) -> Mapping[str, str]:
        """The workspace's user groups: "@handle" by id; none, if Slack doesn't say."""
        present = self._clock()
        named, until = self._group_names
        if present >= until:
            answer = await attempt(self._client.usergroups_list())
            if isinstance(answer, Failure):
                log.warning("couldn't ask which groups there are", error=answer.error)
                return {}
            listed = answer.get("usergroups")
            named = {
                str(group["id"]): f"@{group.get('handle') or group['id']}"
                for group in (listed if isinstance(listed, list) else [])
            }
            self._group_names = (named, present + _GROUP_KEPT_SECONDS)
        return named

    async def membership(self, place: ChannelRef) -> Membership:
        """Whether the bot can post in a channel; who asks at the same time shares the answer.

        That it can is remembered for a minute. If that is no longer so, whoever deploys is told by
        a direct message instead of before.
        """
        channel = place.channel_id
        if self._member_of.get(channel, 0.0) > self._clock():
            return Membership.MEMBER
        asking = self._memberships.get(channel)
        if asking is None:
            asking = self._memberships[channel] = asyncio.create_task(self._membership(channel))
            asking.add_done_callback(lambda _: self._memberships.pop(channel))
        # One that gives up waiting must not take the answer from the others.
        return await asyncio.shield(asking)

    async def _membership(self, channel_id: str) -> Membership:
        answer = await attempt(self._client.conversations_info(channel=channel_id))
        if isinstance(answer, Failure):
            unseen = answer.error in {"channel_not_found", "not_in_channel"}
            return Membership.NOT_A_MEMBER if unseen else Membership.UNKNOWN
        channel = answer.get("channel")
        if not isinstance(channel, Mapping):
            return Membership.UNKNOWN
        if channel.get("is_im"):
            return Membership.NOT_A_CHANNEL
        if channel.get("is_archived"):
            return Membership.ARCHIVED
        is_member = channel.get("is_member")
        if is_member is None:
            return Membership.UNKNOWN
        if not is_member:
            return Membership.NOT_A_MEMBER
        self._member_of[channel_id] = self._clock() + _MEMBER_KEPT_SECONDS
        return Membership.MEMBER

    async def zone(self, person_id: str) -> str | None:
        """The IANA name of a person's time zone; None if Slack doesn't say."""
        answer = await attempt(self._client.users_info(user=person_id))
        if isinstance(answer, Failure):
            log.warning("couldn't ask for a time zone", error=answer.error)
            return None
        user = answer.get("user")
        zone = user.get("tz") if isinstance(user, Mapping) else None
        return zone if isinstance(zone, str) and zone else None

    async def channels_of(self, place: ChannelRef, person_id: str) -> frozenset[str] | None:
        """Ids of the channels that a person is in; of private ones, those that the bot is in too.

        Args:
            place: In the workspace; its channel doesn't matter.
            person_id: Who.

        Returns:
            None if Slack doesn't say.
        """
        found: set[str] = set()
        cursor: str | None = None
        for _ in range(_PAGES):
            answer = await attempt(
                self._client.users_conversations(
                    user=person_id,
                    types="public_channel,private_channel",
                    limit=_CHANNELS_A_PAGE,
                    cursor=cursor,
                    team_id=place.workspace_id or None,
                )
            )
            if isinstance(answer, Failure):
                log.warning("couldn't ask where somebody is a member", error=answer.error)
                return None
            channels = answer.get("channels")
            for channel in channels if isinstance(channels, list) else []:
                if isinstance(channel, Mapping) and isinstance(channel.get("id"), str):
                    found.add(channel["id"])
            cursor = _next(answer)
            if not cursor:
                break
        return frozenset(found)

    async def person(self, person_id: str) -> Actor:
        """A person, and where they belong if Slack says."""
        answer = await attempt(self._client.users_info(user=person_id))
        user = None if isinstance(answer, Failure) else answer.get("user")
        team = user.get("team_id") if isinstance(user, Mapping) else None
        return Actor(person_id, team if isinstance(team, str) else "")

    async def bot_name(self) -> str:
        """A mention of the bot, to invite it by."""
        identity = await self._clients.identity()
        return f"<@{identity.user_id}>"

    async def post_ephemeral(
        self, place: ChannelRef, person_id: str, body: Body, *, thread_ts: str | None = None
    ) -> bool:
        """Show a message in a channel to one person only. Returns whether Slack took it."""
        answer = await attempt(
            self._clients.posting.chat_postEphemeral(
                channel=place.channel_id,
                user=person_id,
                text=body.text,
                blocks=body.blocks,
                thread_ts=thread_ts,
            )
        )
        return not isinstance(answer, Failure)

    async def link_to(self, channel_id: str, ts: str) -> str | None:
        """The address of a message; None if Slack doesn't say."""
        answer = await attempt(self._client.chat_getPermalink(channel=channel_id, message_ts=ts))
        if isinstance(answer, Failure):
            return None
        found = answer.get("permalink")
        return found if isinstance(found, str) else None

    async def address_of(self, channel_id: str, ts: str) -> str | None:
        """The same without asking Slack; None while the workspace's own address isn't known."""
        if not self._clients.is_known:
            return None
        workspace = (await self._clients.identity()).url
        return f"{workspace}archives/{channel_id}/p{ts.replace('.', '')}" if workspace else None

    @property
    def _client(self) -> AsyncWebClient:
        return self._clients.reading


def _next(answer: Mapping[str, object]) -> str | None:
    """The cursor to the next page; None or '' after the last."""
    more = answer.get("response_metadata")
    following = more.get("next_cursor") if isinstance(more, Mapping) else None
    return following if isinstance(following, str) else None


def _is_admin(user: object) -> bool:
    if not isinstance(user, Mapping) or not isinstance(user.get("id"), str):
        return False
    # Strangers are people of another organisation: what they are there is nothing here.
    if user.get("deleted") or user.get("is_bot") or user.get("is_stranger"):
        return False
    return bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner"))
