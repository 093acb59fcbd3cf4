"""`list [target]`: every endpoint of a target, also those made elsewhere, and what they cost."""

from pydantic import NonNegativeInt, TypeAdapter

from bot.commands import status
from bot.commands.endpoint_text import known_target, read
from bot.commands.registry import SLASH, Command, Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages import listing, picker
from bot.messages.body import Body
from bot.services.authorization import Authorizer
from bot.slack.requests import BlockAction, SlashCommand

# Pages turned within this time belong to the same list.
_SAME_LIST_SECONDS = 60.0
_OFFSET: TypeAdapter[int] = TypeAdapter(NonNegativeInt)


@deferred
async def run(command: SlashCommand, lookup: TargetLookup, authorizer: Authorizer) -> None:
    """Show the first page."""
    await authorizer.authorize(Permission.LOOK, command.person, command.place)
    targets = await lookup.names(command.place)
    text = read(command.text, targets)
    if text.others or len(text.lead) > 1:
        raise UserError("`list` takes one target.", hint=f"`{SLASH} list {targets[0]}`")
    named = known_target(text.phrase(1), targets) if text.lead else text.target or targets[0]
    await command.responder.say(await _page(lookup, command.place, named, 0, fresh=0.0))


@deferred
async def turned(click: BlockAction, lookup: TargetLookup, authorizer: Authorizer) -> None:
    """Replace the page with another one."""
    await authorizer.authorize(Permission.LOOK, click.person, click.place)
    target, _, offset = click.value.rpartition(" ")
    named = known_target(target, await lookup.names(click.place))
    first = _OFFSET.validate_python(offset)
    page = await _page(lookup, click.place, named, first, fresh=_SAME_LIST_SECONDS)
    await click.responder.replace(page)


async def _page(
    lookup: TargetLookup, place: ChannelRef, target: str, offset: int, *, fresh: float
) -> Body:
    found = await lookup.listing(place, target, fresh=fresh)
    others = [name for name in await lookup.names(place) if name != target]
    pick = picker.menu(status.COMMAND, picker.PickerState(target, stays=True), "Show one of them")
    return listing.page(found, offset, others=others, pick=pick)


FEATURE = Feature(
    commands=[
        Command(
            "list", "[target]", "Lists the endpoints, also those made elsewhere, with $/h.", run
        )
    ],
    clicks={listing.MORE_ACTION: turned, listing.BACK_ACTION: turned},
)
