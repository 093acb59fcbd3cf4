"""The reply in which a person asks those who have a permission to act."""

from bot.domain.operations import OperationKind
from bot.domain.permission_words import request
from bot.domain.permissions import Permission
from bot.messages.markup import mention
from bot.messages.reply import News, Reply, say


def asks(
    person: str, permission: Permission, operation: OperationKind | None, whom: str, news: News
) -> Reply:
    """Mention those who may act; `whom` is mrkdwn."""
    return say(
        f"{whom}, {mention(person)} asks you to {request(permission, operation)}.", news=news
    )
