"""All features, in the order in which help names them. A new one is a line here."""

from collections.abc import Iterable

from bot.commands import (
    access_request,
    approve,
    audit,
    cancel,
    connect,
    delete,
    deploy,
    disconnect,
    endpoint_command,
    follow,
    help,  # noqa: A004
    home,
    lifetime,
    links,
    list_endpoints,
    mention,
    operation_buttons,
    operation_commands,
    retry,
    rollback,
    schedule,
    select_endpoint,
    settings,
    status,
    targets,
    thread_status,
    update,
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
        *operation_commands.FEATURES,
        *follow.FEATURES,
        cancel.FEATURE,
        operation_buttons.FEATURE,
        approve.FEATURE,
        access_request.FEATURE,
        *lifetime.FEATURES,
        schedule.FEATURE,
        delete.FEATURE,
        update.FEATURE,
        versions.FEATURE,
        rollback.FEATURE,
        retry.FEATURE,
        select_endpoint.FEATURE,
        links.FEATURE,
        home.FEATURE,
        thread_status.FEATURE,
        mention.feature(all_commands),
        help.feature(all_commands),
    ]
    gathered = Registry(features)
    return gathered
