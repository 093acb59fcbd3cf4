"""Read what runs in a channel's targets, or say in words why that can't be done now."""

import asyncio
from collections.abc import Mapping, Sequence

from bot.commands.desk import Desk
from bot.commands.unconnected import unconnected
from bot.db.crypto import MismatchedKeyError, UnreadableKeyError
from bot.deployments.listing.listed import Listed, Listing
from bot.deployments.place import Place
from bot.deployments.targets.credentials import NoKeyError
from bot.errors import UserError
from bot.friendli.errors import FriendliError
from bot.messages.markup import escape
from bot.messages.refusals import Refusal, no_key, unreadable


async def target_names(desk: Desk, place: Place) -> Sequence[str]:
    """The names of a channel's targets, the default first.

    Raises:
        UserError: There is none; with the way to connect one.
    """
    targets = await desk.targets.of(place)
    if not targets:
        raise await unconnected(desk)
    return [target.name for target in targets]


async def listing_of(desk: Desk, place: Place, target: str, *, fresh: float = 0.0) -> Listing:
    """List one target's endpoints; see `Catalog.read`.

    Raises:
        UserError: That can't be done now; with why, and the way out.
    """
    try:
        return await desk.catalog.read(place, target, fresh=fresh)
    except NoKeyError:
        refusal = no_key(unreadable=False)
    except UnreadableKeyError as error:
        refusal = no_key(unreadable=True, mismatched=isinstance(error, MismatchedKeyError))
    except FriendliError as error:
        refusal = unreadable(error, target)
    raise _said(refusal)


async def endpoints_of(
    desk: Desk, place: Place, targets: Sequence[str]
) -> tuple[Sequence[Listed], Mapping[str, UserError]]:
    """The endpoints of several targets, each endpoint once, and why some targets can't be read.

    Raises:
        UserError: None of them can be read.
    """
    read = await asyncio.gather(
        *(listing_of(desk, place, target) for target in targets), return_exceptions=True
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
