"""Facts about people, groups and channels from Slack, and ephemeral messages."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.actors import Actor, ChannelRef
from bot.messages.body import Body
from bot.slack.calls import ErrorKind, Failure, attempt, items, read_pages
from bot.slack.clients import SlackClients

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_MAX_PAGES = 5
_USERS_PER_PAGE, _CHANNELS_PER_PAGE = 200, 999
# usergroups.users.list allows some 20 calls a minute, conversations.info some 50.
_GROUP_KEPT_SECONDS = 60.0
_MEMBER_KEPT_SECONDS = 60.0
# users.list allows some 20 calls a minute.
_NAMES_KEPT_SECONDS = 600.0
_NAMES_PER_PAGE = 1_000
# Slackbot isn't marked as a bot.
_SLACKBOT = "USLACKBOT"


class Membership(StrEnum):
    """Whether the bot can post in a channel."""

    MEMBER = "member"
    NOT_A_MEMBER = "not_a_member"
    ARCHIVED = "archived"
    NOT_A_CHANNEL = "not_a_channel"
    """A direct message, where no team could follow."""
    UNKNOWN = "unknown"
    """No usable answer from Slack."""


class People:
    """The workspace's people, groups and channels.

    Args:
        admins: Ids of admins beside the workspace's own.
        clock: Seconds, for the age of cached answers.
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
        # Each with the time at which it expires.
        self._groups: dict[str, tuple[frozenset[str], float]] = {}
        self._group_names: tuple[Mapping[str, str], float] = ({}, 0.0)
        self._names: tuple[Mapping[str, str], float] = ({}, 0.0)
        self._member_of: dict[str, float] = {}
        self._membership_requests: dict[str, asyncio.Task[Membership]] = {}

    async def is_admin(self, person_id: str) -> bool | None:
        """None if Slack can't be asked now."""
        if person_id in self._admins:
            return True
        answer = await attempt(self._client.users_info(user=person_id))
        if isinstance(answer, Failure):
            log.warning("admin unknown", error=answer.error)
            return None if answer.is_transient else False
        return _is_admin(answer.get("user"))

    async def admins(self) -> Sequence[str]:
        """The settings' first, then the workspace's."""
        found = sorted(self._admins)
        listing = await read_pages(
            lambda cursor: self._client.users_list(limit=_USERS_PER_PAGE, cursor=cursor),
            "members",
            limit=_MAX_PAGES,
        )
        for member in listing.items:
            if isinstance(member, Mapping) and _is_admin(member) and member["id"] not in found:
                found.append(member["id"])
        return found

    async def is_in_group(self, person_id: str, group_id: str) -> bool | None:
        """Cached; None if Slack can't be asked now."""
        members, until = self._groups.get(group_id, (frozenset(), 0.0))
        present = self._clock()
        if present >= until:
            answer = await attempt(self._client.usergroups_users_list(usergroup=group_id))
            if isinstance(answer, Failure):
                log.warning("group members unknown", error=answer.error)
                # A deleted group has no members.
                return False if answer.kind is ErrorKind.REFUSED else None
            members = frozenset(user for user in items(answer, "users") if isinstance(user, str))
            self._groups[group_id] = (members, present + _GROUP_KEPT_SECONDS)
        return person_id in members

    async def groups(self) -> Mapping[str, str]:
        """Handles by id, such as "@ops", cached; empty if Slack can't be asked."""
        present = self._clock()
        names, until = self._group_names
        if present >= until:
            answer = await attempt(self._client.usergroups_list())
            if isinstance(answer, Failure):
                log.warning("groups unknown", error=answer.error)
                return {}
            names = {
                str(group["id"]): f"@{group.get('handle') or group['id']}"
                for group in items(answer, "usergroups")
                if isinstance(group, Mapping)
            }
            self._group_names = (names, present + _GROUP_KEPT_SECONDS)
        return names

    async def everyone(self) -> Mapping[str, str]:
        """Names by id of the workspace's people without bots, such as "Ann Lee (@ann)".

        Cached; empty if Slack can't be asked, and cut in a workspace of thousands.
        """
        present = self._clock()
        names, until = self._names
        if present >= until:
            listing = await read_pages(
                lambda cursor: self._client.users_list(limit=_NAMES_PER_PAGE, cursor=cursor),
                "members",
                limit=_MAX_PAGES,
            )
            if listing.failure is not None:
                log.warning("people unknown", error=listing.failure.error)
                return names
            names = {
                str(member["id"]): _full_name(member)
                for member in listing.items
                if isinstance(member, Mapping) and _is_human(member)
            }
            self._names = (names, present + _NAMES_KEPT_SECONDS)
        return names

    async def membership(self, place: ChannelRef) -> Membership:
        """Whether the bot can post; concurrent callers share one request.

        Only MEMBER is cached, so that inviting the bot works at once. If the cache is outdated,
        delivery notifies the requester.
        """
        channel = place.channel_id
        if self._member_of.get(channel, 0.0) > self._clock():
            return Membership.MEMBER
        request = self._membership_requests.get(channel)
        if request is None:
            request = asyncio.create_task(self._membership(channel))
            self._membership_requests[channel] = request
            request.add_done_callback(lambda _: self._membership_requests.pop(channel))
        # Shielded: a cancelled caller must not cancel the others' request.
        return await asyncio.shield(request)

    async def _membership(self, channel_id: str) -> Membership:
        answer = await attempt(self._client.conversations_info(channel=channel_id))
        if isinstance(answer, Failure):
            is_hidden = answer.error in {"channel_not_found", "not_in_channel"}
            return Membership.NOT_A_MEMBER if is_hidden else Membership.UNKNOWN
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

    async def time_zone(self, person_id: str) -> str | None:
        """An IANA name; None if unknown."""
        answer = await attempt(self._client.users_info(user=person_id))
        if isinstance(answer, Failure):
            log.warning("time zone unknown", error=answer.error)
            return None
        user = answer.get("user")
        zone = user.get("tz") if isinstance(user, Mapping) else None
        return zone if isinstance(zone, str) and zone else None

    async def channels_of(self, place: ChannelRef, person_id: str) -> frozenset[str] | None:
        """Ids of a person's channels; of private ones, those that the bot is in too.

        None if Slack can't be asked. `place` gives the workspace.
        """
        listing = await read_pages(
            lambda cursor: self._client.users_conversations(
                user=person_id,
                types="public_channel,private_channel",
                limit=_CHANNELS_PER_PAGE,
                cursor=cursor,
                team_id=place.workspace_id or None,
            ),
            "channels",
            limit=_MAX_PAGES,
        )
        if listing.failure is not None:
            log.warning("channels of a person unknown", error=listing.failure.error)
            return None
        ids = (channel.get("id") for channel in listing.items if isinstance(channel, Mapping))
        return frozenset(id_ for id_ in ids if isinstance(id_, str))

    async def actor(self, person_id: str) -> Actor:
        """With their workspace, if Slack says."""
        answer = await attempt(self._client.users_info(user=person_id))
        user = None if isinstance(answer, Failure) else answer.get("user")
        team = user.get("team_id") if isinstance(user, Mapping) else None
        return Actor(person_id, team if isinstance(team, str) else "")

    async def bot_mention(self) -> str:
        """Raises `SlackUnreachableError`."""
        identity = await self._clients.identity()
        return f"<@{identity.user_id}>"

    async def post_ephemeral(
        self, place: ChannelRef, person_id: str, body: Body, *, thread_ts: str | None = None
    ) -> bool:
        """Returns whether Slack accepted it."""
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

    async def permalink(self, channel_id: str, ts: str) -> str | None:
        answer = await attempt(self._client.chat_getPermalink(channel=channel_id, message_ts=ts))
        if isinstance(answer, Failure):
            return None
        found = answer.get("permalink")
        return found if isinstance(found, str) else None

    async def local_permalink(self, channel_id: str, ts: str) -> str | None:
        """Without a request; None while the workspace's URL is unknown."""
        if not self._clients.is_known:
            return None
        workspace = (await self._clients.identity()).url
        return f"{workspace}archives/{channel_id}/p{ts.replace('.', '')}" if workspace else None

    @property
    def _client(self) -> AsyncWebClient:
        return self._clients.reading


def _is_human(user: Mapping[object, object]) -> bool:
    is_bot = user.get("is_bot") or user.get("id") == _SLACKBOT
    return isinstance(user.get("id"), str) and not (is_bot or user.get("deleted"))


def _full_name(user: Mapping[object, object]) -> str:
    """The real name with the handle, by which people know each other."""
    handle = str(user.get("name") or user["id"])
    name = str(user.get("real_name") or handle)
    return handle if name == handle else f"{name} (@{handle})"


def _is_admin(user: object) -> bool:
    if not isinstance(user, Mapping) or not isinstance(user.get("id"), str):
        return False
    # A stranger is a person of another organisation, whose roles don't count here.
    if user.get("deleted") or user.get("is_bot") or user.get("is_stranger"):
        return False
    return bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner"))
