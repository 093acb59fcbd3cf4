"""The reply in which somebody who may not do something asks those who may."""

from collections.abc import Mapping

from bot.domain.deployment_view import DeploymentView
from bot.domain.permissions import Permission
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.messages.markup import mention
from bot.messages.reply import News, Reply, say

# Completes "… asks you to …".
_TO_DO: Mapping[Permission, str] = {
    Permission.DEPLOY: "settle which endpoint it is",
    Permission.UPDATE: "update it",
    Permission.TERMINATE: "terminate it",
    Permission.DELETE: "delete it",
    Permission.EXTEND: "let it run longer",
    Permission.APPROVE: "decide about it",
}
# What is meant by operating an endpoint that is so.
_OPERATE: Mapping[str, str] = {
    Status.RUNNING.value: "put it to sleep",
    Status.SLEEPING.value: "wake it",
    Status.FAILED.value: "restart it",
    Status.TERMINATED.value: "restart it",
}


def asks(
    deployment: DeploymentView, person: str, permission: Permission, whom: str, news: News
) -> Reply:
    """Mention those who may (`whom`, as mrkdwn), since nobody else can go on."""
    status = deployment.endpoint_state.status if deployment.endpoint_state is not None else ""
    todo = _TO_DO.get(permission, "see to it")
    if permission is Permission.OPERATE:
        todo = _OPERATE.get(status, "see to it")
    return say(f"{whom}: {mention(person)} asks you to {todo}.", news=news)
