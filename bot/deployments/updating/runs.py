"""What is known of an endpoint's versions, from our rows and what the API tells. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.db.acts import Operation
from bot.db.models import Deployment
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.updating.update import Update
from bot.deployments.updating.version import UNTOLD, History, Version, in_order
from bot.friendli.schemas import DedicatedEndpointSpec


@dataclass(frozen=True, slots=True)
class Runs:
    """What is known of what runs on an endpoint.

    Attributes:
        public_id: Of its deployment.
        number: Of the version that runs, as far as it was looked at.
        elsewhere: The number of a version that was made elsewhere: what the API doesn't tell of
            it may differ from what stands in `version`.
        status: What the endpoint is doing.
    """

    public_id: str
    name: str
    target: str
    version: Version
    number: str | None
    elsewhere: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """One version of an endpoint.

    Attributes:
        number: As the API writes it.
        version: What is known of it.
        asked: The same without what the API chose where nobody did: what forms show.
        spec: What the API tells of it.
        made_by: Who asked for it; '' if no person did, or nobody here.
        made_at: When; None if it wasn't asked for here.
    """

    number: str
    version: Version
    asked: Version
    spec: DedicatedEndpointSpec
    made_by: str = ""
    made_at: datetime | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it was asked for here."""
        return self.made_at is not None


def runs_of(row: Deployment) -> Runs:
    """What stands in a deployment's row."""
    return Runs(
        public_id=row.public_id,
        name=row.name,
        target=row.target_name,
        version=version_of(row),
        number=row.newest_version,
        elsewhere=row.version_elsewhere,
        status=row.status,
    )


def version_of(row: Deployment) -> Version:
    """The version that a deployment's row is about."""
    if row.spec is not None:
        spec = DedicatedEndpointSpec.model_validate(row.spec)
        return Version.of_spec(spec, row.target_name).with_set_here(row.request)
    return Version(DeployRequest.model_validate(row.request))


def past_of(row: Deployment, history: History, updates: Sequence[Operation]) -> list[Past]:
    """All versions of an endpoint, the oldest first.

    Args:
        row: Its deployment.
        history: What the API tells of them.
        updates: The updates that were asked for here.
    """
    own = {one.version: one for one in updates if one.version is not None}
    found: list[Past] = []
    # What was set elsewhere, and isn't told, may live on in versions that were made here later.
    untold = row.spec is not None
    for at, number in enumerate(in_order(history)):
        spec = history[number]
        operation = own.get(number)
        if operation is not None:
            update = Update.stored(operation.request)
            untold = untold and not update.is_whole
            set_here = {"model", "revision"} if update.body.hf_model_repo is not None else set()
            unknown = UNTOLD - set_here if untold else frozenset()
            version = Version(update.after, frozenset(unknown | set(update.unknown)))
            by, made_at = operation.asked_by, operation.asked_at
            # What the API tells of it is surest.
            found.append(Past(number, version.with_spec(spec), version, spec, by, made_at))
        elif at == 0 and not untold:
            first = Version(DeployRequest.model_validate(row.first_request or row.request))
            by, made_at = row.requester_id, row.asked_at
            found.append(Past(number, first.with_spec(spec), first, spec, by, made_at))
        else:
            untold = True
            told = Version.of_spec(spec, row.target_name)
            found.append(Past(number, told, told, spec))
    return found
