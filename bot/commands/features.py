"""All features, in the order in which help names them. A new one is a line here."""

from collections.abc import Iterable

from bot.commands import (
    act,
    approve,
    ask_them,
    audit,
    choose,
    connect,
    delete,
    deploy,
    disconnect,
    endpoint_command,
    follow,
    help,  # noqa: A004 - named after its command
    home,
    lease,
    links,
    list_endpoints,
    mention,
    rollback,
    schedule,
    settings,
    status,
    stop,
    targets,
    thread_status,
    try_again,
    update,
    verbs,
    versions,
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
        settings.FEATURE,
        audit.FEATURE,
        list_endpoints.FEATURE,
        status.FEATURE,
        endpoint_command.FEATURE,
        *verbs.FEATURES,
        *follow.FEATURES,
        stop.FEATURE,
        act.FEATURE,
        approve.FEATURE,
        ask_them.FEATURE,
        *lease.FEATURES,
        schedule.FEATURE,
        delete.FEATURE,
        update.FEATURE,
        versions.FEATURE,
        rollback.FEATURE,
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
