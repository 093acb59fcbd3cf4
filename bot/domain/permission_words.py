"""Words for permissions. Those of operations follow from the operations that they allow."""

from collections.abc import Mapping

from bot.domain.enum_table import table
from bot.domain.operations import OperationKind, OperationWords, operations_that
from bot.domain.permissions import Permission

_VERBS: Mapping[Permission, str] = {
    Permission.LOOK: "look",
    Permission.ASK: "send prompts",
    Permission.DEPLOY: "deploy",
    Permission.FOLLOW: "follow endpoints",
    Permission.APPROVE: "approve",
    Permission.CONNECT: "connect and disconnect projects",
    Permission.CONFIGURE: "change the settings",
    Permission.AUDIT: "read the audit",
}
_REQUEST: Mapping[Permission, str] = {
    Permission.DEPLOY: "choose the right endpoint",
    Permission.APPROVE: "approve or reject it",
}
_ANY_REQUEST = "take a look"


def _words(permission: Permission) -> list[OperationWords]:
    kinds = operations_that(lambda facts: facts.permission is permission)
    return [kind.facts.words for kind in kinds]


def _verbs(permission: Permission) -> str:
    *first, last = dict.fromkeys(words.verb for words in _words(permission))
    return f"{', '.join(first)} and {last}" if first else last


VERBS: Mapping[str, str] = table(
    Permission,
    {
        permission: _VERBS.get(permission) or _verbs(permission)
        for permission in Permission
        if permission in _VERBS or _words(permission)
    },
)
"""Completes "Only @somebody can …"."""


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
