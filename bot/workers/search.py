"""Searches a project once for the endpoint that a create request made.

A complete list shows which endpoints are new; their specs have their names. A spec that can't be
read in time makes a candidate without details, and doesn't fail the search.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.session import Database
from bot.domain.deployment_state import SEARCHED, DeploymentState
from bot.domain.friendli_errors import FriendliError
from bot.domain.matching import (
    Candidate,
    Match,
    MatchCriteria,
    OtherSearch,
    by_closeness,
    match,
    new_ids,
)
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Parts of the lease; the rest is for the transaction.
_LEASE_TO_LIST = 0.5
_LEASE_TO_READ_SPECS = 0.25
_SPECS_AT_ONCE = 10
# Cached specs of endpoints with other names.
_REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """Result of a search.

    Attributes:
        listed: The project's endpoints.
        match: Which of the new ones may be ours.
        owned: Those of other deployments.
    """

    listed: Mapping[str, DedicatedEndpointStatus]
    match: Match
    owned: frozenset[str]


class Search:
    """Lists projects and reads the specs of new endpoints."""

    def __init__(self, database: Database, friendli: FriendliClient, settings: Settings) -> None:
        self._database = database
        self._friendli = friendli
        self._to_list = settings.lease * _LEASE_TO_LIST
        self._to_read = settings.lease * _LEASE_TO_READ_SPECS
        self._strangers: dict[tuple[str, str], DedicatedEndpointSpec] = {}

    async def run(
        self, deployment: Deployment, project: WatchedProject, credentials: Credentials
    ) -> Found:
        """Search once; raises `FriendliError` or `TimeoutError` if the project can't be listed."""
        criteria = MatchCriteria(
            DeployRequest.model_validate(deployment.request),
            deployment.ids_before or (),
            deployment.listed_at,
            deployment.answered_created_at,
            deployment.answered_endpoint_id,
        )
        async with asyncio.timeout(self._to_list):
            listing = await self._friendli.list_all_endpoints(credentials, project.project_id)
        listed = listing.endpoints
        async with self._database.read() as session:
            owned = await _owned_by_others(session, deployment)
            others = await _other_searches(session, deployment)
        ids = by_closeness(criteria, new_ids(criteria, listed, owned), listed)
        specs = await self._specs(credentials, project.api_base, ids)
        candidates = [Candidate(id_, listed[id_], specs.get(id_)) for id_ in ids]
        found = match(criteria, candidates, others)
        if deployment.ids_before is None:
            # From a backup: the ids before are unknown, so only the name counts.
            found = replace(found, likely=(), unlikely=())
        self._remember(project.api_base, found.unlikely)
        return Found(listed, found, owned)

    async def _specs(
        self, credentials: Credentials, api_base: str, ids: Sequence[str]
    ) -> dict[str, DedicatedEndpointSpec]:
        """Read specs in order, as many as possible in time."""
        remembered = {id_: self._strangers.get((api_base, id_)) for id_ in ids}
        specs = {id_: spec for id_, spec in remembered.items() if spec is not None}
        unread = iter([id_ for id_ in ids if id_ not in specs])

        async def read() -> None:
            for id_ in unread:
                try:
                    specs[id_] = await self._friendli.get_endpoint(credentials, id_)
                except FriendliError as error:
                    log.info("couldn't read a spec", endpoint=id_, error=str(error))

        readers = [asyncio.create_task(read()) for _ in range(min(_SPECS_AT_ONCE, len(ids)))]
        if not readers:
            return specs
        try:
            await asyncio.wait(readers, timeout=self._to_read)
        finally:
            for one in readers:
                one.cancel()
            ends = await asyncio.gather(*readers, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
        return specs

    def _remember(self, api_base: str, strangers: Sequence[Candidate]) -> None:
        for one in strangers:
            if one.spec is not None:
                self._strangers[api_base, one.endpoint_id] = one.spec
        while len(self._strangers) > _REMEMBERED:
            del self._strangers[next(iter(self._strangers))]


async def _owned_by_others(session: AsyncSession, deployment: Deployment) -> frozenset[str]:
    ids = await session.scalars(
        select(Deployment.endpoint_id).where(
            Deployment.api_base == deployment.api_base,
            Deployment.endpoint_id.is_not(None),
            Deployment.id != deployment.id,
        )
    )
    return frozenset(id_ for id_ in ids if id_ is not None)


async def _other_searches(session: AsyncSession, deployment: Deployment) -> list[OtherSearch]:
    """The searches with a prior right to an endpoint of their name.

    Of two with the same name, one in state "not created" comes second.
    """
    rows = await session.execute(
        select(Deployment.name, Deployment.ids_before, Deployment.state).where(
            Deployment.api_base == deployment.api_base,
            Deployment.friendli_project_id == deployment.friendli_project_id,
            Deployment.endpoint_id.is_(None),
            Deployment.state.in_(SEARCHED),
            # A search in "not created" ends; one that waits for a person doesn't.
            or_(Deployment.due_at.is_not(None), Deployment.state == DeploymentState.AMBIGUOUS),
            Deployment.id != deployment.id,
        )
    )
    is_late = deployment.state is DeploymentState.NOT_CREATED
    return [
        OtherSearch(name, ids_before or ())
        for name, ids_before, step in rows
        if name != deployment.name or (is_late and step is not DeploymentState.NOT_CREATED)
    ]
