"""Words for permissions. Those of operations follow from the operations that they allow."""

from collections.abc import Mapping

from bot.domain.enum_table import table
from bot.domain.operations import OperationKind, OperationWords, operations_that
from bot.domain.permissions import Permission

_DOING: Mapping[Permission, str] = {
    Permission.LOOK: "Looking",
    Permission.DEPLOY: "Deploying",
    Permission.FOLLOW: "Following endpoints",
    Permission.APPROVE: "Approving",
    Permission.CONNECT: "Connecting and disconnecting",
    Permission.CONFIGURE: "Changing the settings",
    Permission.AUDIT: "Reading the audit",
}
_REQUEST: Mapping[Permission, str] = {
    Permission.DEPLOY: "settle which endpoint it is",
    Permission.APPROVE: "decide about it",
}
_ANY_REQUEST = "see to it"


def _words(permission: Permission) -> list[OperationWords]:
    kinds = operations_that(lambda facts: facts.permission is permission)
    return [kind.facts.words for kind in kinds]


def _doing(permission: Permission) -> str:
    *first, last = dict.fromkeys(words.doing for words in _words(permission))
    said = f"{', '.join(first)} and {last}" if first else last
    return f"{said[:1].upper()}{said[1:]}"


DOING: Mapping[str, str] = table(
    Permission,
    {
        permission: _DOING.get(permission) or _doing(permission)
        for permission in Permission
        if permission in _DOING or _words(permission)
    },
)
"""Completes "… is for @somebody"."""


def request(permission: Permission, kind: OperationKind | None) -> str:
    """Complete "@somebody asks you to …".

    Args:
        permission: What the person lacks.
        kind: The operation that was refused; None if it was none, or isn't known.
    """
    if permission in _REQUEST:
        return _REQUEST[permission]
    words = _words(permission) if kind is None else [kind.facts.words]
    requests = {one.request or one.infinitive for one in words}
    return requests.pop() if len(requests) == 1 else _ANY_REQUEST
