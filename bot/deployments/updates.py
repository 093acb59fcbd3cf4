"""What runs on an endpoint, and which versions it had: what the API tells beside what we know."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.acts import Operation, OperationKind, OperationState
from bot.db.crypto import UnreadableKeyError, Vault
from bot.db.models import Deployment, Step, WatchedProject
from bot.db.session import Database
from bot.deployments.credentials import NoKeyError, access_to
from bot.deployments.draft import DeployRequest
from bot.deployments.lookup import find_deployment, is_name_taken
from bot.deployments.place import Place
from bot.deployments.record import facts_of, tell
from bot.deployments.rules import check
from bot.deployments.update import Update
from bot.deployments.version import History, Version, in_order, newest
from bot.errors import UserError
from bot.friendli.access import Access
from bot.friendli.client import FriendliClient
from bot.friendli.errors import FriendliError, MalformedAccess, NotFound
from bot.friendli.schemas import DedicatedEndpointSpec
from bot.messages import refusals
from bot.messages.markup import bold, clip, escape

_API_WORDS_LIMIT = 500


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
        spec: What the API tells of it.
        made_by: Who asked for it; '' if no person did, or nobody here.
        made_at: When; None if it wasn't asked for here.
    """

    number: str
    version: Version
    spec: DedicatedEndpointSpec
    made_by: str = ""
    made_at: datetime | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it was asked for here."""
        return self.made_at is not None


class Updates:
    """Reads what runs, from the API and from our rows.

    Args:
        wake_sender: Makes the sender look at once.
    """

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        vault: Vault,
        settings: Settings,
        *,
        wake_sender: Callable[[], None],
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._vault = vault
        self._settings = settings
        self._wake_sender = wake_sender

    async def known(self, place: Place, public_id: str) -> Runs:
        """What we know of what runs, without asking the API.

        Raises:
            UserError: There is no such endpoint here.
        """
        async with self._database.read() as session:
            return _runs(_live(await find_deployment(session, place, public_id)))

    async def look(self, place: Place, public_id: str) -> Runs:
        """Ask the API what runs, and write down what changed elsewhere.

        Raises:
            UserError: There is no such endpoint, or the API doesn't say.
        """
        runs, _ = await self._look(place, public_id)
        return runs

    async def past(self, place: Place, public_id: str) -> tuple[Runs, Sequence[Past]]:
        """What runs, and all versions of the endpoint, the oldest first.

        Raises:
            UserError: There is no such endpoint, or the API doesn't say.
        """
        runs, history = await self._look(place, public_id)
        async with self._database.read() as session:
            deployment = _live(await find_deployment(session, place, public_id))
            updates = await _updates(session, deployment)
        own = {row.version: row for row in updates if row.version is not None}
        return runs, [
            _past(deployment, number, history[number], own, is_first=not at)
            for at, number in enumerate(in_order(history))
        ]

    async def _look(self, place: Place, public_id: str) -> tuple[Runs, History]:
        async with self._database.read() as session:
            deployment = _live(await find_deployment(session, place, public_id))
            project = await session.get_one(WatchedProject, deployment.watched_project_id)
        spec, history = await self._ask(project, deployment.endpoint_id or "")
        async with self._database.write() as session:
            row = _live(await find_deployment(session, place, public_id))
            if await self._note(session, row, spec, history):
                await session.flush()
                await tell(session, row, await facts_of(session, row, self._settings))
            runs = _runs(row)
        self._wake_sender()
        return runs, history

    async def _ask(
        self, project: WatchedProject, endpoint: str
    ) -> tuple[DedicatedEndpointSpec, History]:
        try:
            access: Access = access_to(project, self._vault)
            return await asyncio.gather(
                self._friendli.get_endpoint(access, endpoint),
                self._friendli.get_endpoint_version_history(access, endpoint),
            )
        except (NoKeyError, UnreadableKeyError, MalformedAccess) as error:
            refusal = refusals.no_key(unreadable=not isinstance(error, NoKeyError))
            raise UserError(f"{refusal.why} Nothing was changed.", hint=refusal.advice) from None
        except NotFound:
            raise UserError(
                "Friendli doesn't know this endpoint any more, so there is nothing to update.",
                hint="Its thread tells once that is certain.",
            ) from None
        except FriendliError as error:
            said = (
                f" It said: “{escape(clip(error.words, _API_WORDS_LIMIT))}”." if error.words else ""
            )
            raise UserError(
                f"Friendli doesn't tell right now what runs there.{said} Nothing was changed.",
                hint="Try again in a moment.",
            ) from None

    async def _note(
        self,
        session: AsyncSession,
        row: Deployment,
        spec: DedicatedEndpointSpec,
        history: History,
    ) -> bool:
        """Write down what the API told. Returns whether there was anything new."""
        number = newest(history)
        if number == row.version and number is not None:
            return False
        if await _is_updating(session, row):
            # Whoever carries the update out writes down what comes of it.
            return False
        first_look = row.version is None
        row.version = number
        if first_look and row.spec is None and len(history) <= 1:
            return True
        version = _version(row).with_spec(spec)
        if row.spec is None:
            row.version_elsewhere = number
            request = check(
                version.draft(), targets=(), default_target=version.request.target, tag=""
            )
            if isinstance(request, DeployRequest):
                row.request = request.model_dump(mode="json", exclude_none=True)
        else:
            row.spec = spec.model_dump(mode="json", by_alias=True)
        price = version.cost(self._settings.prices).each
        row.price_per_hour = "" if price is None else str(price)
        if spec.name.strip() and not await is_name_taken(session, row, spec.name):
            row.name = spec.name
        return True


def _live(deployment: Deployment | None) -> Deployment:
    if deployment is None:
        raise UserError("I don't know this endpoint any more, so nothing was done.")
    if deployment.step != Step.LIVE:
        raise UserError(
            f"{bold(deployment.name)} is over already, or not made yet, so it can't be updated.",
            hint="Its thread tells more.",
        )
    return deployment


def _runs(row: Deployment) -> Runs:
    return Runs(
        public_id=row.public_id,
        name=row.name,
        target=row.target_name,
        version=_version(row),
        number=row.version,
        elsewhere=row.version_elsewhere,
        status=row.status,
    )


def _version(row: Deployment) -> Version:
    if row.spec is not None:
        spec = DedicatedEndpointSpec.model_validate(row.spec)
        return Version.of_spec(spec, row.target_name)
    return Version(DeployRequest.model_validate(row.request))


def _past(
    row: Deployment,
    number: str,
    spec: DedicatedEndpointSpec,
    own: Mapping[str, Operation],
    *,
    is_first: bool,
) -> Past:
    told = Version.of_spec(spec, row.target_name)
    operation = own.get(number)
    if operation is not None:
        update = Update.stored(operation.request)
        # What the API tells of it is surest; what it doesn't, we know.
        version = update.version.with_spec(spec)
        return Past(number, version, spec, operation.asked_by, operation.asked_at)
    if is_first and row.spec is None:
        first = DeployRequest.model_validate(row.first_request or row.request)
        version = Version(first).with_spec(spec)
        return Past(number, version, spec, row.requester_id, row.asked_at)
    return Past(number, told, spec)


async def _updates(session: AsyncSession, row: Deployment) -> Sequence[Operation]:
    rows = await session.scalars(
        select(Operation)
        .where(Operation.deployment_id == row.id, Operation.kind == OperationKind.UPDATE)
        .order_by(Operation.id)
    )
    return rows.all()


async def _is_updating(session: AsyncSession, row: Deployment) -> bool:
    return any(
        one.state in (OperationState.ASKED, OperationState.SENDING)
        for one in await _updates(session, row)
    )
