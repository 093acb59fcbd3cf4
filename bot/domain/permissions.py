"""What people can be permitted to do, and who may by default."""

from collections.abc import Mapping
from enum import StrEnum

from bot.domain.grants import Subject
from bot.domain.subjects import SubjectKind


class Permission(StrEnum):
    """A thing to be allowed, as scope and action."""

    LOOK = "endpoint:look"
    DEPLOY = "endpoint:deploy"
    OPERATE = "endpoint:operate"
    """Sleep, wake and restart, now or by schedule."""
    UPDATE = "endpoint:update"
    TERMINATE = "endpoint:terminate"
    DELETE = "endpoint:delete"
    FOLLOW = "endpoint:follow"
    EXTEND = "lifetime:extend"
    APPROVE = "deployment:approve"
    CONNECT = "target:connect"
    CONFIGURE = "target:configure"
    AUDIT = "target:audit"


EVERYONE = Subject(SubjectKind.EVERYONE)


ADMINS = Subject(SubjectKind.ADMINS)


# What can't be undone, hands out money or changes these rules is for admins, until they say
# otherwise.
DEFAULTS: Mapping[Permission, Subject] = {
    permission: ADMINS
    if permission
    in {Permission.DELETE, Permission.APPROVE, Permission.CONNECT, Permission.CONFIGURE}
    else EVERYONE
    for permission in Permission
}
