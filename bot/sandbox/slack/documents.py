"""Users, channels and messages as JSON objects of the Web API."""

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.sandbox.slack.conversations import Channel, ChannelKind, Message, User, Usergroup
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Workspace


def user_document(workspace: Workspace, user: User) -> JsonObject:
    local = workspace.clock.now().astimezone(ZoneInfo(user.tz))
    offset = local.utcoffset()
    foreign = user.team_id != workspace.identity.team_id
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "color": "9f69e7",
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": local.tzname() or user.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "profile": {
            "real_name": user.real_name,
            "real_name_normalized": user.real_name,
            "display_name": user.name,
            "display_name_normalized": user.name,
            "team": user.team_id,
        },
        "is_admin": user.is_admin and not foreign,
        "is_owner": user.is_owner and not foreign,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": int(workspace.clock.now().timestamp()),
        **({"is_stranger": True} if foreign else {}),
    }


def usergroup_document(
    workspace: Workspace, group: Usergroup, *, with_users: bool, with_count: bool
) -> JsonObject:
    return {
        "id": group.id,
        "team_id": workspace.identity.team_id,
        "is_usergroup": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_delete": 1 if group.disabled else 0,
        **({"user_count": len(group.user_ids)} if with_count else {}),
        **({"users": group.user_ids} if with_users else {}),
    }


def channel_document(
    workspace: Workspace, channel: Channel, *, with_count: bool = False
) -> JsonObject:
    team_id = workspace.identity.team_id
    common: JsonObject = {
        "id": channel.id,
        "created": _seconds(channel.created),
        "is_archived": channel.is_archived,
        "is_im": channel.kind is ChannelKind.DIRECT,
        "is_org_shared": False,
        "context_team_id": team_id,
        "updated": _seconds(channel.created) * 1000,
    }
    if channel.kind is ChannelKind.DIRECT:
        person = next(user for user in channel.member_ids if user != workspace.bot.id)
        return {**common, "user": person, "is_user_deleted": workspace.users[person].deleted}
    foreign = {workspace.users[user].team_id for user in channel.member_ids} - {team_id}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind is ChannelKind.PUBLIC,
        "is_group": channel.kind is ChannelKind.PRIVATE,
        "is_mpim": False,
        "is_private": channel.kind is ChannelKind.PRIVATE,
        "is_general": False,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "pending_connected_team_ids": [],
        "shared_team_ids": [team_id, *sorted(foreign)],
        "parent_conversation": None,
        "creator": channel.creator_id,
        "is_member": workspace.has_bot(channel),
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
        **({"num_members": len(channel.member_ids)} if with_count else {}),
    }


def message_document(
    workspace: Workspace, message: Message, *, with_metadata: bool = True
) -> JsonObject:
    if message.deleted:
        return _tombstone(workspace, message)
    document: JsonObject = {
        "type": "message",
        "user": message.user_id,
        "ts": message.ts,
        "text": message.text,
        "team": workspace.users[message.user_id].team_id,
    }
    if message.by_app:
        document |= _bot_signature(workspace)
    if message.blocks:
        document["blocks"] = message.blocks
    if message.metadata is not None and with_metadata:
        document["metadata"] = message.metadata
    if message.edited_at is not None:
        document["edited"] = {
            "user": message.user_id,
            "ts": f"{_seconds(message.edited_at)}.000000",
        }
    return document | _thread_part(workspace, message)


def _bot_signature(workspace: Workspace) -> JsonObject:
    identity = workspace.identity
    return {
        "bot_id": identity.bot_id,
        "app_id": identity.app_id,
        "bot_profile": {
            "id": identity.bot_id,
            "app_id": identity.app_id,
            "user_id": workspace.bot.id,
            "name": identity.bot_name,
            "icons": {},
            "deleted": False,
            "updated": 0,
            "team_id": identity.team_id,
        },
    }


def _thread_part(workspace: Workspace, message: Message) -> JsonObject:
    channel = workspace.channels[message.channel_id]
    if message.is_reply and message.thread_ts is not None:
        root = channel.messages[message.thread_ts]
        part: JsonObject = {"thread_ts": root.ts, "parent_user_id": root.user_id}
        return part | ({"subtype": "thread_broadcast"} if message.broadcast else {})
    replies = channel.replies(message.ts)
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user_id for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
        "reply_users": people,
        "is_locked": False,
        "subscribed": message.by_app,
    }


def _tombstone(workspace: Workspace, message: Message) -> JsonObject:
    return {
        "type": "message",
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": True,
        "ts": message.ts,
        **_thread_part(workspace, message),
    }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
