"""The endpoints of a target's project, with names from cached specs.

A list has statuses and no names, and each spec is a request. A spec is cached until its endpoint's
status changes, so listing hundreds of endpoints again costs a request per hundred.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from bot.config import Settings
from bot.db.deployment_tables import WatchedProject
from bot.db.encryption import KeyRing, UnreadableKeyError
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.friendli_errors import FriendliError, NotFound, RateLimited, Refused, Unavailable
from bot.domain.listed_endpoint import ListedEndpoint, Listing, in_order
from bot.domain.schemas import DedicatedEndpointSpec, DedicatedEndpointStatus
from bot.domain.statuses import facts_of
from bot.friendli.client import EndpointListing, FriendliClient
from bot.friendli.credentials import Credentials
from bot.services import own_rows
from bot.services.credentials import credentials_for

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_K = TypeVar("_K")
_V = TypeVar("_V")

# Seconds.
_MENU_FRESH = 30.0
# The number of replicas changes without a change of status.
_SPEC_FRESH = 600.0
_SPEC_FRESH_WHILE_SCALING = 30.0

_SPECS_AT_ONCE = 20
_SPECS_KEPT = 20_000
_LISTS_KEPT = 1_000
_LISTED_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class _Spec:
    """A spec, the status it was read under, and the loop's time at which it expires."""

    spec: DedicatedEndpointSpec
    under: tuple[str, datetime | None]
    until: float


@dataclass(frozen=True, slots=True)
class _CachedListing:
    """A project's list, and the loop's time of its request."""

    listing: EndpointListing
    at: float


class Catalog:
    """Lists the endpoints of targets."""

    def __init__(
        self, database: Database, friendli: FriendliClient, key_ring: KeyRing, settings: Settings
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._key_ring = key_ring
        self._settings = settings
        self._specs: dict[tuple[str, str], _Spec] = {}
        self._lists: dict[int, _CachedListing] = {}
        # Shared, so that many listings at once send no more requests than one.
        self._reading = asyncio.Semaphore(_SPECS_AT_ONCE)

    async def read(self, place: ChannelRef, target: str, *, fresh: float = 0.0) -> Listing:
        """List a target's endpoints, from the cache if it is at most `fresh` seconds old.

        Raises:
            FriendliError: Friendli refuses, or doesn't answer in time.
            NoKeyError: The target isn't connected any more.
            UnreadableKeyError: Its key was encrypted with a key that isn't configured.
        """
        project = await own_rows.project_of(self._database, place, target)
        credentials = credentials_for(project, self._key_ring)
        cached = self._lists.get(project.id)
        if cached is None or cached.at + fresh <= _clock():
            try:
                async with asyncio.timeout(self._settings.list_timeout):
                    cached = await self._list(project, credentials)
            except TimeoutError:
                raise Unavailable("list_all_endpoints", reason="Deadline") from None
        await self._read_specs(
            credentials, project.api_base, cached.listing, self._settings.list_timeout / 2
        )
        return await self._joined(place, target, project, cached.listing)

    async def cached(
        self, place: ChannelRef, target: str, *, fresh: float = _MENU_FRESH
    ) -> Listing:
        """The same in time for a menu, from the cache if need be; raises `NoKeyError` only."""
        project = await own_rows.project_of(self._database, place, target)
        timeout = self._settings.menu_timeout
        current = False
        try:
            async with asyncio.timeout(timeout):
                credentials = credentials_for(project, self._key_ring)
                cached = self._lists.get(project.id)
                if cached is None or cached.at + fresh <= _clock():
                    await self._list(project, credentials)
                cached = self._lists[project.id]
                await self._read_specs(credentials, project.api_base, cached.listing, timeout)
                current = True
        except (TimeoutError, FriendliError, UnreadableKeyError) as error:
            log.info("using the cached list", error=type(error).__name__)
        last = self._lists.get(project.id)
        if last is not None:
            listing = last.listing
        else:
            remembered = await own_rows.remembered_in(self._database, place, project)
            listing = EndpointListing(remembered, None, 0)
        return replace(await self._joined(place, target, project, listing), is_current=current)

    async def _list(self, project: WatchedProject, credentials: Credentials) -> _CachedListing:
        requested_at = _clock()
        listing = await self._friendli.list_all_endpoints(credentials, project.project_id)
        cached = self._lists[project.id] = _CachedListing(listing, requested_at)
        _forget_oldest(self._lists, _LISTS_KEPT)
        while len(self._lists) > 1 and self._listed > _LISTED_KEPT:
            _forget_oldest(self._lists, len(self._lists) - 1)
        return cached

    @property
    def _listed(self) -> int:
        return sum(len(cached.listing.endpoints) for cached in self._lists.values())

    async def _read_specs(
        self, credentials: Credentials, api_base: str, listing: EndpointListing, within: float
    ) -> None:
        """Read missing specs of a list within a time; the others stay unknown this time."""
        order = sorted(listing.endpoints.items(), key=lambda item: _settled(item[1]))
        unknown = [one for one in order if not self._knows(api_base, *one)]
        if not unknown:
            return
        wanted = iter(unknown)

        async def reader() -> None:
            for endpoint_id, status in wanted:
                async with self._reading:
                    if not self._knows(api_base, endpoint_id, status):
                        await self._read_spec(credentials, api_base, endpoint_id, status)

        readers = [asyncio.create_task(reader()) for _ in unknown[:_SPECS_AT_ONCE]]
        try:
            await asyncio.wait(readers, timeout=within, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for one in readers:
                one.cancel()
            ends = await asyncio.gather(*readers, return_exceptions=True)
        for end in ends:
            if isinstance(end, (Unavailable, RateLimited)):
                log.info("couldn't read every spec", error=str(end))
            elif isinstance(end, Exception):
                raise end

    async def _read_spec(
        self,
        credentials: Credentials,
        api_base: str,
        endpoint_id: str,
        status: DedicatedEndpointStatus,
    ) -> None:
        try:
            spec = await self._friendli.get_endpoint(credentials, endpoint_id)
        except RateLimited:
            raise
        except Refused as refused:
            # Deleted meanwhile, or refused: the others matter too.
            log.info("couldn't read a spec", error=str(refused))
            if isinstance(refused, NotFound):
                self._specs.pop((api_base, endpoint_id), None)
            return
        is_serving = facts_of(status.status).serves
        scales = is_serving and spec.autoscaling_max != 1
        fresh = _SPEC_FRESH_WHILE_SCALING if scales else _SPEC_FRESH
        self._specs.pop((api_base, endpoint_id), None)
        kept = _Spec(spec.without_unknown(), _version(status), _clock() + fresh)
        self._specs[api_base, endpoint_id] = kept
        _forget_oldest(self._specs, _SPECS_KEPT)

    def _knows(self, api_base: str, endpoint_id: str, status: DedicatedEndpointStatus) -> bool:
        kept = self._specs.get((api_base, endpoint_id))
        return kept is not None and kept.under == _version(status) and _clock() < kept.until

    async def _joined(
        self, place: ChannelRef, target: str, project: WatchedProject, listing: EndpointListing
    ) -> Listing:
        ours = await own_rows.ours_among(
            self._database, place, project.api_base, list(listing.endpoints)
        )
        unsettled = await own_rows.unsettled_in(self._database, place, project)
        endpoints = []
        for endpoint_id, status in listing.endpoints.items():
            kept = self._specs.get((project.api_base, endpoint_id))
            name = kept.spec.name if kept else ""
            endpoints.append(
                ListedEndpoint(
                    target=target,
                    project_id=project.project_id,
                    team_id=project.team_id or (kept.spec.team_id if kept else None) or "",
                    endpoint_id=endpoint_id,
                    status=status,
                    spec=kept.spec if kept is not None else None,
                    ours=ours.get(endpoint_id),
                    possible_requester_id=None if endpoint_id in ours else unsettled.get(name),
                    listed_at=listing.api_date or datetime.now(UTC),
                    prices=self._settings.prices,
                )
            )
        return Listing(target, project.project_id, in_order(endpoints))


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _version(status: DedicatedEndpointStatus) -> tuple[str, datetime | None]:
    return str(status.status), status.updated_at


def _settled(status: DedicatedEndpointStatus) -> bool:
    """Sort key: endpoints that may be billed first."""
    return facts_of(status.status).is_at_rest


def _forget_oldest(kept: dict[_K, _V], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
