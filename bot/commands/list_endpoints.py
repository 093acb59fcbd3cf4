"""`list [target]`: every endpoint of a target, also those made elsewhere, and what they cost."""

from pydantic import NonNegativeInt, TypeAdapter

from bot.commands import status
from bot.commands.context import DeferredTask, Services
from bot.commands.endpoint_text import known_target, read
from bot.commands.registry import SLASH, Command, Feature
from bot.commands.target_lookup import listing_of, target_names
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages import listing, picker
from bot.messages.body import Body
from bot.slack.requests import BlockAction, SlashCommand

# Who turns pages quickly sees one list and not a different one each time.
_SAME_LIST_SECONDS = 60.0
_OFFSET: TypeAdapter[int] = TypeAdapter(NonNegativeInt)


async def run(services: Services, command: SlashCommand) -> DeferredTask:
    """Show the first page."""
    return _list(services, command)


async def _list(services: Services, command: SlashCommand) -> None:
    await services.authorizer.authorize(Permission.LOOK, command.person, command.place)
    targets = await target_names(services, command.place)
    text = read(command.text, targets)
    if text.others or len(text.lead) > 1:
        raise UserError("`list` takes one target.", hint=f"`{SLASH} list {targets[0]}`")
    named = known_target(text.phrase(1), targets) if text.lead else text.target or targets[0]
    said = await _page(services, command.place, named, 0, fresh=0.0)
    await services.responses.say(command.response_url, said)


async def turned(services: Services, click: BlockAction) -> DeferredTask:
    """Show another page in this one's place."""
    return _turn(services, click)


async def _turn(services: Services, click: BlockAction) -> None:
    await services.authorizer.authorize(Permission.LOOK, click.person, click.place)
    target, _, offset = click.value.rpartition(" ")
    named = known_target(target, await target_names(services, click.place))
    first = _OFFSET.validate_python(offset)
    said = await _page(services, click.place, named, first, fresh=_SAME_LIST_SECONDS)
    await services.responses.replace(click.response_url, said)


async def _page(
    services: Services, place: ChannelRef, target: str, offset: int, *, fresh: float
) -> Body:
    read_ = await listing_of(services, place, target, fresh=fresh)
    others = [name for name in await target_names(services, place) if name != target]
    pick = picker.menu(status.COMMAND, picker.PickerState(target, stays=True), "Show one of them")
    return listing.page(read_, offset, others=others, pick=pick)


FEATURE = Feature(
    commands=[
        Command(
            "list", "[target]", "Lists the endpoints, also those made elsewhere, with $/h.", run
        )
    ],
    clicks={listing.MORE_ACTION: turned, listing.BACK_ACTION: turned},
)
