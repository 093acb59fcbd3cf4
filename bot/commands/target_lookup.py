"""Read what runs in a channel's targets, or say in words why that can't be done now."""

import asyncio
from collections.abc import Mapping, Sequence

from bot.commands.context import Services
from bot.commands.no_targets import unconnected
from bot.db.encryption import MismatchedKeyError, UnreadableKeyError
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.friendli_errors import FriendliError
from bot.domain.listed_endpoint import Listed, Listing
from bot.messages.markup import escape
from bot.messages.refusals import Refusal, no_key, unreadable
from bot.services.credentials import NoKeyError


async def target_names(services: Services, place: ChannelRef) -> Sequence[str]:
    """The names of a channel's targets, the default first.

    Raises:
        UserError: There is none; with the way to connect one.
    """
    targets = await services.targets.of(place)
    if not targets:
        raise await unconnected(services)
    return [target.name for target in targets]


async def listing_of(
    services: Services, place: ChannelRef, target: str, *, fresh: float = 0.0
) -> Listing:
    """List one target's endpoints; see `Catalog.read`.

    Raises:
        UserError: That can't be done now; with why, and the way out.
    """
    try:
        return await services.catalog.read(place, target, fresh=fresh)
    except NoKeyError:
        refusal = no_key(unreadable=False)
    except UnreadableKeyError as error:
        refusal = no_key(unreadable=True, mismatched=isinstance(error, MismatchedKeyError))
    except FriendliError as error:
        refusal = unreadable(error, target)
    raise _said(refusal)


async def endpoints_of(
    services: Services, place: ChannelRef, targets: Sequence[str]
) -> tuple[Sequence[Listed], Mapping[str, UserError]]:
    """The endpoints of several targets, each endpoint once, and why some targets can't be read.

    Raises:
        UserError: None of them can be read.
    """
    read = await asyncio.gather(
        *(listing_of(services, place, target) for target in targets), return_exceptions=True
    )
    found: dict[tuple[str, str], Listed] = {}
    errors = {}
    for target, one in zip(targets, read, strict=True):
        if isinstance(one, UserError):
            errors[target] = one
        elif isinstance(one, BaseException):
            raise one
        else:
            # Two targets may lead to one project; the first, so the default, is the one named.
            for listed in one.endpoints:
                found.setdefault((listed.project_id, listed.endpoint_id), listed)
    if len(errors) == len(targets):
        raise errors[targets[0]]
    return list(found.values()), errors


def _said(refusal: Refusal) -> UserError:
    words = f" It said: {escape(refusal.words)}" if refusal.words else ""
    return UserError(refusal.why + words, hint=refusal.advice)
