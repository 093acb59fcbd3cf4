"""users.* and usergroups.*."""

from pydantic import Field

from bot.sandbox.slack.documents import user_document, usergroup_document
from bot.sandbox.slack.rate_limits import Tier
from bot.sandbox.slack.web_api.call import Arguments, Backend, SlackError, method
from bot.sandbox.slack.web_api.conversations import paged
from bot.sandbox.slack.wire import JsonObject


class Info(Arguments):
    user: str
    include_locale: bool = False


class List(Arguments):
    cursor: str | None = None
    include_locale: bool = False
    limit: int = Field(default=1000, ge=1, le=1000)


class ListGroups(Arguments):
    include_count: bool = False
    include_disabled: bool = False
    include_users: bool = False


class ListGroupUsers(Arguments):
    usergroup: str
    include_disabled: bool = False


def info(slack: Backend, arguments: Info) -> JsonObject:
    user = slack.workspace.users.get(arguments.user)
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user_document(slack.workspace, user)}


def list_users(slack: Backend, arguments: List) -> JsonObject:
    team_id = slack.workspace.identity.team_id
    own = [user for user in slack.workspace.users.values() if user.team_id == team_id]
    page, cursor = paged(own, arguments.cursor, arguments.limit)
    return {
        "members": [user_document(slack.workspace, user) for user in page],
        "cache_ts": int(slack.workspace.clock.now().timestamp()),
        "response_metadata": {"next_cursor": cursor},
    }


def list_groups(slack: Backend, arguments: ListGroups) -> JsonObject:
    return {
        "usergroups": [
            usergroup_document(
                slack.workspace,
                group,
                with_users=arguments.include_users,
                with_count=arguments.include_count,
            )
            for group in slack.workspace.usergroups.values()
            if arguments.include_disabled or not group.disabled
        ]
    }


def list_group_users(slack: Backend, arguments: ListGroupUsers) -> JsonObject:
    group = slack.workspace.usergroups.get(arguments.usergroup)
    if group is None or (group.disabled and not arguments.include_disabled):
        raise SlackError("no_such_subteam")
    return {"users": list(group.user_ids)}


_USERS = ("users:read",)
_GROUPS = ("usergroups:read",)
METHODS = (
    method("users.info", Info, info, tier=Tier.FOUR, scopes=_USERS),
    method("users.list", List, list_users, tier=Tier.TWO, scopes=_USERS),
    method("usergroups.list", ListGroups, list_groups, tier=Tier.TWO, scopes=_GROUPS),
    method(
        "usergroups.users.list", ListGroupUsers, list_group_users, tier=Tier.TWO, scopes=_GROUPS
    ),
)
