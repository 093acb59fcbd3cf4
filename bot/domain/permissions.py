"""Permissions, and who has them by default."""

from collections.abc import Mapping
from enum import StrEnum

from bot.domain.enum_table import table
from bot.domain.grants import Subject
from bot.domain.subjects import SubjectKind


class Permission(StrEnum):
    """A permission, as scope and action."""

    LOOK = "endpoint:look"
    ASK = "endpoint:ask"
    DEPLOY = "endpoint:deploy"
    OPERATE = "endpoint:operate"
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


# Admins alone may do what can't be undone, spend for others, or change these rules.
DEFAULTS: Mapping[str, Subject] = table(
    Permission,
    {
        Permission.LOOK: EVERYONE,
        Permission.ASK: EVERYONE,
        Permission.DEPLOY: EVERYONE,
        Permission.OPERATE: EVERYONE,
        Permission.UPDATE: EVERYONE,
        Permission.TERMINATE: EVERYONE,
        Permission.DELETE: ADMINS,
        Permission.FOLLOW: EVERYONE,
        Permission.EXTEND: EVERYONE,
        Permission.APPROVE: ADMINS,
        Permission.CONNECT: ADMINS,
        Permission.CONFIGURE: ADMINS,
        Permission.AUDIT: EVERYONE,
    },
)
"""Who has a permission unless a target's settings say otherwise."""
