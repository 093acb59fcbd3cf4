"""Read a channel's targets and endpoints, or raise a UserError that says why not."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.db.encryption import MismatchedKeyError, UnreadableKeyError
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.friendli_errors import FriendliError
from bot.domain.listed_endpoint import ListedEndpoint, Listing
from bot.messages.markup import escape
from bot.messages.refusals import Refusal, no_key, unreadable
from bot.services.catalog import Catalog
from bot.services.credentials import NoKeyError
from bot.services.targets import Targets, TargetView


class NotConnectedError(UserError):
    """The channel has no target; `bot.commands.unconnected` offers the person the way to one."""

    def __init__(self) -> None:
        super().__init__("This channel isn't connected to a Friendli project yet.")


@dataclass(frozen=True, slots=True)
class TargetLookup:
    """Reads a channel's targets and their endpoints."""

    targets: Targets
    catalog: Catalog

    async def all(self, place: ChannelRef) -> Sequence[TargetView]:
        """The default first. Raises NotConnectedError if there is none."""
        targets = await self.targets.of(place)
        if not targets:
            raise NotConnectedError
        return targets

    async def names(self, place: ChannelRef) -> Sequence[str]:
        return [target.name for target in await self.all(place)]

    async def listing(self, place: ChannelRef, target: str, *, fresh: float = 0.0) -> Listing:
        """See `Catalog.read`; raises UserError with the reason and the way out."""
        try:
            return await self.catalog.read(place, target, fresh=fresh)
        except NoKeyError:
            refusal = no_key(unreadable=False)
        except UnreadableKeyError as error:
            refusal = no_key(unreadable=True, mismatched=isinstance(error, MismatchedKeyError))
        except FriendliError as error:
            refusal = unreadable(error, target)
        raise _error(refusal)

    async def endpoints(
        self, place: ChannelRef, targets: Sequence[str]
    ) -> tuple[Sequence[ListedEndpoint], Mapping[str, UserError]]:
        """Each endpoint once, and why some targets can't be read; a UserError if none can."""
        listings = await asyncio.gather(
            *(self.listing(place, target) for target in targets), return_exceptions=True
        )
        found: dict[tuple[str, str], ListedEndpoint] = {}
        errors = {}
        for target, listing in zip(targets, listings, strict=True):
            if isinstance(listing, UserError):
                errors[target] = listing
            elif isinstance(listing, BaseException):
                raise listing
            else:
                # Of two targets that lead to one project, the first is named.
                for listed in listing.endpoints:
                    found.setdefault((listed.project_id, listed.endpoint_id), listed)
        if len(errors) == len(targets):
            raise errors[targets[0]]
        return list(found.values()), errors


def _error(refusal: Refusal) -> UserError:
    words = f" It said: {escape(refusal.words)}" if refusal.words else ""
    return UserError(refusal.why + words, hint=refusal.advice)
