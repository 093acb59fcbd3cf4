"""All features, in the order in which help names them. A new one is a line here."""

from collections.abc import Iterable

from bot.commands import (
    act,
    choose,
    connect,
    delete,
    deploy,
    disconnect,
    endpoint_command,
    follow,
    help,  # noqa: A004 - named after its command
    home,
    links,
    list_endpoints,
    mention,
    status,
    stop,
    targets,
    thread_status,
    try_again,
    verbs,
)
from bot.commands.registry import Command, Registry


def registry() -> Registry:
    """Gather what every module of this package brings."""

    def all_commands() -> Iterable[Command]:
        return gathered.commands.values()

    features = [
        deploy.FEATURE,
        connect.FEATURE,
        disconnect.FEATURE,
        targets.FEATURE,
        list_endpoints.FEATURE,
        status.FEATURE,
        endpoint_command.FEATURE,
        *verbs.FEATURES,
        *follow.FEATURES,
        stop.FEATURE,
        act.FEATURE,
        delete.FEATURE,
        try_again.FEATURE,
        choose.FEATURE,
        links.FEATURE,
        home.FEATURE,
        thread_status.FEATURE,
        mention.feature(all_commands),
        help.feature(all_commands),
    ]
    gathered = Registry(features)
    return gathered
