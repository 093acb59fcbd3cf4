"""All features, in the order in which help names them. A new one is a line here."""

from bot.commands import (
    access_request,
    approve,
    audit,
    cancel,
    connect,
    delete,
    deploy,
    deploy_modal,
    disconnect,
    endpoint_command,
    follow,
    help,  # noqa: A004 - named after its command
    home,
    lifetime,
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
    update,
    update_modal,
    versions,
)
from bot.commands.registry import Registry


def registry() -> Registry:
    return Registry(
        [
            deploy.FEATURE,
            deploy_modal.FEATURE,
            connect.FEATURE,
            disconnect.FEATURE,
            targets.FEATURE,
            settings.FEATURE,
            audit.FEATURE,
            list_endpoints.FEATURE,
            *status.FEATURES,
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
            *update.FEATURES,
            update_modal.FEATURE,
            *versions.FEATURES,
            rollback.FEATURE,
            retry.FEATURE,
            select_endpoint.FEATURE,
            home.FEATURE,
            mention.FEATURE,
            help.FEATURE,
        ]
    )
