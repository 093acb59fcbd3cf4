"""Replies after the database was restored from a backup."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationKind
from bot.messages.markup import bold
from bot.messages.reply import News, Reply, say

_RESTORED = "The bot's database was restored from a backup"


def not_done(deployment: DeploymentView, kind: OperationKind) -> Reply:
    """An operation that is unfinished in the backup."""
    return say(
        f"{_RESTORED} in which {bold(deployment.name)} was still to be"
        f" {kind.facts.words.being}."
        " That may have happened since, so I won't repeat it. Request it again if you still need"
        " it.",
        news=News.FAILED,
    )


def looking(deployment: DeploymentView) -> Reply:
    """A deployment that isn't sent yet in the backup."""
    return say(
        f"{_RESTORED} in which {bold(deployment.name)} wasn't created yet. It may have been since:"
        " checking by name. It won't be created again."
    )
