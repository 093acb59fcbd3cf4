"""Versions of an endpoint, from our rows and the API's history. Pure."""

from collections.abc import Sequence

from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.update import Update
from bot.domain.version import UNREPORTED, History, Version, in_order
from bot.domain.version_history import PastVersion, RunningVersion


def running_version_of(row: Deployment) -> RunningVersion:
    return RunningVersion(
        public_id=row.public_id,
        name=row.name,
        target=row.target_name,
        version=version_of(row),
        number=row.newest_version,
        elsewhere=row.version_elsewhere,
        status=row.status,
    )


def version_of(row: Deployment) -> Version:
    """The version in a deployment's row."""
    if row.spec is not None:
        spec = DedicatedEndpointSpec.model_validate(row.spec)
        return Version.of_spec(spec, row.target_name).with_unreported(row.request)
    return Version(DeployRequest.model_validate(row.request))


def past_versions_of(
    row: Deployment, history: History, updates: Sequence[Operation]
) -> list[PastVersion]:
    """All versions of an endpoint, oldest first, given the updates requested here."""
    own = {one.version: one for one in updates if one.version is not None}
    found: list[PastVersion] = []
    # Settings made elsewhere that the API doesn't return may persist in later versions made here.
    has_unknown = row.spec is not None
    for at, number in enumerate(in_order(history)):
        spec = history[number]
        operation = own.get(number)
        if operation is not None:
            update = Update.stored(operation.request)
            has_unknown = has_unknown and not update.is_whole
            unreported = {"model", "revision"} if update.body.hf_model_repo is not None else set()
            unknown = UNREPORTED - unreported if has_unknown else frozenset()
            version = Version(update.after, frozenset(unknown | set(update.unknown)))
            by, requested_at = operation.requested_by, operation.requested_at
            # The API's fields take precedence.
            found.append(
                PastVersion(number, version.with_spec(spec), version, spec, by, requested_at)
            )
        elif at == 0 and not has_unknown:
            first = Version(DeployRequest.model_validate(row.first_request or row.request))
            by, requested_at = row.requester_id, row.requested_at
            found.append(PastVersion(number, first.with_spec(spec), first, spec, by, requested_at))
        else:
            has_unknown = True
            from_api = Version.of_spec(spec, row.target_name)
            found.append(PastVersion(number, from_api, from_api, spec))
    return found
