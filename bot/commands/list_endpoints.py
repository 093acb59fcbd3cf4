"""`list [target]`: every endpoint of a target, also those made elsewhere, and what they cost."""

from pydantic import NonNegativeInt, TypeAdapter

from bot.commands import status
from bot.commands.desk import Click, Desk, Invocation, Work
from bot.commands.endpoint_text import known_target, read
from bot.commands.registry import SLASH, Command, Feature
from bot.commands.target_reading import listing_of, target_names
from bot.deployments.place import Place
from bot.errors import UserError
from bot.messages import listing, picker
from bot.messages.body import Body
from bot.permissions import Permission

# Who turns pages quickly sees one list and not a different one each time.
_SAME_LIST_SECONDS = 60.0
_OFFSET: TypeAdapter[int] = TypeAdapter(NonNegativeInt)


async def run(desk: Desk, invocation: Invocation) -> Work:
    """Show the first page."""
    return _list(desk, invocation)


async def _list(desk: Desk, invocation: Invocation) -> None:
    await desk.authorizer.authorize(Permission.LOOK, invocation.person, invocation.place)
    targets = await target_names(desk, invocation.place)
    text = read(invocation.text, targets)
    if text.others or len(text.lead) > 1:
        raise UserError("`list` takes one target.", hint=f"`{SLASH} list {targets[0]}`")
    named = known_target(text.phrase(1), targets) if text.lead else text.target or targets[0]
    said = await _page(desk, invocation.place, named, 0, fresh=0.0)
    await desk.responses.say(invocation.response_url, said)


async def turned(desk: Desk, click: Click) -> Work:
    """Show another page in this one's place."""
    return _turn(desk, click)


async def _turn(desk: Desk, click: Click) -> None:
    await desk.authorizer.authorize(Permission.LOOK, click.person, click.place)
    target, _, offset = click.value.rpartition(" ")
    named = known_target(target, await target_names(desk, click.place))
    first = _OFFSET.validate_python(offset)
    said = await _page(desk, click.place, named, first, fresh=_SAME_LIST_SECONDS)
    await desk.responses.replace(click.response_url, said)


async def _page(desk: Desk, place: Place, target: str, offset: int, *, fresh: float) -> Body:
    read_ = await listing_of(desk, place, target, fresh=fresh)
    others = [name for name in await target_names(desk, place) if name != target]
    pick = picker.menu(status.COMMAND, picker.Carried(target, stays=True), "Show one of them")
    return listing.page(read_, offset, others=others, pick=pick)


FEATURE = Feature(
    commands=[
        Command(
            "list", "[target]", "Lists the endpoints, also those made elsewhere, with $/h.", run
        )
    ],
    clicks={listing.MORE_ACTION: turned, listing.BACK_ACTION: turned},
)
