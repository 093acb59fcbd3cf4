"""The running version of an endpoint and its past versions, from the API and our rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.errors import UserError
from bot.domain.friendli_errors import FriendliError, MalformedCredentials, NotFound
from bot.domain.operations import UNDER_WAY, OperationKind
from bot.domain.process.task_group import both
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rules import check
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.text import clip
from bot.domain.update import Update, edits
from bot.domain.version import History, is_later, newest
from bot.domain.version_history import PastVersion, RunningVersion
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.messages import refusals
from bot.messages.markup import bold, escape
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.lookup import find_deployment, is_name_taken, lock_deployment
from bot.services.thread import post
from bot.services.version_history import past_versions_of, running_version_of, version_of

_API_WORDS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class RefusedUpdate:
    """An update that Friendli refused, with its message for each form field."""

    edits: DeployDraft
    fields: Mapping[str, str]


class Updates:
    """Reads versions; raises `UserError` without such an endpoint, or without an answer."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        key_ring: KeyRing,
        settings: Settings,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._key_ring = key_ring
        self._settings = settings

    async def known(self, place: ChannelRef, public_id: str) -> RunningVersion:
        """The running version by our rows."""
        async with self._database.read() as session:
            return running_version_of(_live(await find_deployment(session, place, public_id)))

    async def refused(self, place: ChannelRef, public_id: str, operation_id: str) -> RefusedUpdate:
        async with self._database.read() as session:
            deployment = _live(await find_deployment(session, place, public_id))
            operation = await session.scalar(
                select(Operation).where(
                    Operation.public_id == operation_id,
                    Operation.deployment_id == deployment.id,
                    Operation.kind == OperationKind.UPDATE,
                )
            )
            if operation is None:
                raise UserError("I don't know this update any more, so nothing was done.")
            wanted = Update.stored(operation.request).version
            edited = edits(running_version_of(deployment).version, wanted)
            return RefusedUpdate(edited, operation.refused_fields or {})

    async def refresh(self, place: ChannelRef, public_id: str) -> RunningVersion:
        """The running version by the API; records what changed elsewhere."""
        runs, _ = await self._read(place, public_id)
        return runs

    async def past(
        self, place: ChannelRef, public_id: str
    ) -> tuple[RunningVersion, Sequence[PastVersion]]:
        """The running version, and all versions, oldest first."""
        runs, history = await self._read(place, public_id)
        async with self._database.read() as session:
            deployment = _live(await find_deployment(session, place, public_id))
            updates = await _updates(session, deployment)
        return runs, past_versions_of(deployment, history, updates)

    async def _read(self, place: ChannelRef, public_id: str) -> tuple[RunningVersion, History]:
        async with self._database.read() as session:
            deployment = _live(await find_deployment(session, place, public_id))
            project = await session.get_one(WatchedProject, deployment.watched_project_id)
        spec, history = await self._ask(project, deployment.endpoint_id or "")
        async with self._database.write() as session:
            row = _live(await lock_deployment(session, place, public_id))
            if await self._note(session, row, spec, history):
                await post(session, row, self._settings)
            runs = running_version_of(row)
        return runs, history

    async def _ask(
        self, project: WatchedProject, endpoint: str
    ) -> tuple[DedicatedEndpointSpec, History]:
        try:
            credentials: Credentials = credentials_for(project, self._key_ring)
            return await both(
                self._friendli.get_endpoint(credentials, endpoint),
                self._friendli.get_endpoint_version_history(credentials, endpoint),
            )
        except (NoKeyError, UnreadableKeyError, MalformedCredentials) as error:
            refusal = refusals.no_key(
                unreadable=not isinstance(error, NoKeyError),
                mismatched=isinstance(error, MismatchedKeyError),
            )
            raise UserError(f"{refusal.why} Nothing was changed.", hint=refusal.advice) from None
        except NotFound:
            raise UserError(
                "Friendli no longer lists this endpoint, so there is nothing to update.",
                hint="Its thread will say once that is certain.",
            ) from None
        except FriendliError as error:
            said = (
                f" It said: “{escape(clip(error.message, _API_WORDS_LIMIT))}”."
                if error.message
                else ""
            )
            raise UserError(
                f"Friendli didn't return the current version.{said} Nothing was changed.",
                hint="Try again in a moment.",
            ) from None

    async def _note(
        self,
        session: AsyncSession,
        row: Deployment,
        spec: DedicatedEndpointSpec,
        history: History,
    ) -> bool:
        """Record what the API returned. Returns whether anything was new."""
        number = newest(history)
        if not is_later(number, row.newest_version):
            # Known already, or older than an update that ended meanwhile.
            return False
        if await _is_updating(session, row):
            # The operation runner records it.
            return False
        first_look = row.newest_version is None
        row.newest_version = number
        if first_look and row.spec is None and len(history) <= 1:
            return True
        version = version_of(row).with_spec(spec)
        if row.spec is None:
            row.version_elsewhere = number
            row.first_request = row.first_request or row.request
            request = check(
                version.draft(),
                targets=(),
                default_target=version.request.target,
                tag="",
                known_models={version.request.model},
            )
            if isinstance(request, DeployRequest):
                ends = {"lifetime_seconds": version.request.lifetime_seconds}
                stored = request.model_copy(update=ends)
                row.request = stored.model_dump(mode="json", exclude_none=True)
        else:
            row.spec = spec.model_dump(mode="json", by_alias=True)
            # It may have been created with any settings.
            row.request = {}
        price = version.cost(self._settings.prices).each
        row.price_per_hour = "" if price is None else str(price)
        if spec.name.strip() and not await is_name_taken(session, row, spec.name):
            row.name = spec.name
        return True


def _live(deployment: Deployment | None) -> Deployment:
    if deployment is None:
        raise UserError("I don't know this endpoint any more, so nothing was done.")
    if deployment.state != DeploymentState.LIVE:
        raise UserError(
            f"{bold(deployment.name)} has ended or isn't created yet, so it can't be updated.",
            hint="See its thread.",
        )
    return deployment


async def _updates(session: AsyncSession, row: Deployment) -> Sequence[Operation]:
    rows = await session.scalars(
        select(Operation)
        .where(Operation.deployment_id == row.id, Operation.kind == OperationKind.UPDATE)
        .order_by(Operation.id)
    )
    return rows.all()


async def _is_updating(session: AsyncSession, row: Deployment) -> bool:
    return any(one.state in UNDER_WAY for one in await _updates(session, row))
