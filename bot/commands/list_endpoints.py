"""`list`: the endpoints of a target, also those created elsewhere, with costs and actions."""

from dataclasses import dataclass, replace

from bot.commands import status
from bot.commands.endpoint_text import known_target, read
from bot.commands.registry import SLASH, Command, DeferredTask, Feature, Registry, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages import listing, picker
from bot.messages.body import Body
from bot.messages.listing import Filter, ListView
from bot.messages.markup import code
from bot.services.authorization import Authorizer
from bot.services.summaries import Summaries
from bot.slack.requests import BlockAction, SlashCommand

# Pages turned within this time belong to the same list.
_SAME_LIST_SECONDS = 60.0
_IDLE = "idle"


@dataclass(frozen=True, slots=True)
class EndpointList:
    """Draws pages of a target's endpoints."""

    lookup: TargetLookup
    authorizer: Authorizer
    summaries: Summaries

    async def page(
        self, place: ChannelRef, person_id: str, view: ListView, *, fresh: float
    ) -> Body:
        targets = await self.lookup.names(place)
        found = await self.lookup.listing(place, view.target, fresh=fresh)
        _, shown = listing.shown_on(view, view.chosen_from(found.endpoints, person_id))
        ours = [one.ours.public_id for one in shown if one.ours is not None]
        known = await self.summaries.of_endpoints(place, ours)
        facts = {public_id: summary.facts for public_id, summary in known.items()}
        state = picker.PickerState(view.target, stays=True)
        pick = picker.menu(status.COMMAND, state, "Find an endpoint")
        return listing.page(found, view, person_id, facts, targets=targets, pick=pick)


@deferred
async def run(command: SlashCommand, endpoints: EndpointList) -> None:
    """Show the first page."""
    await endpoints.authorizer.authorize(Permission.LOOK, command.person, command.place)
    view = _view(command.text, list(await endpoints.lookup.names(command.place)))
    page = await endpoints.page(command.place, command.person.id, view, fresh=0.0)
    await command.responder.say(page)


def _view(typed: str, targets: list[str]) -> ListView:
    """What a line asks for: a target and a filter, in any order; both may be left out."""
    text = read(typed, targets)
    target, by = text.target, None
    for word in text.lead:
        name = word.text.lower()
        # A target may be called like a filter; `--target` tells them apart.
        if by is None and name in [*Filter] and (name not in targets or target):
            by = Filter(name)
        elif name == _IDLE and name not in targets:
            raise UserError(
                "I can't see whether a live endpoint is used, so I can't list idle ones.",
                hint=f"{code(f'{SLASH} list {Filter.ASLEEP}')} lists what sleeps,"
                f" {code(f'{SLASH} list {Filter.LIVE}')} what is billed now.",
            )
        elif not target and not (by and name in [*Filter]):
            target = known_target(name, targets)
        else:
            raise _not_understood(targets[0])
    if text.others:
        raise _not_understood(targets[0])
    return ListView(target or targets[0], by or Filter.ALL)


def _not_understood(target: str) -> UserError:
    filters = ", ".join(code(one) for one in Filter)
    return UserError(
        f"`list` takes one target and one of {filters}.",
        hint=code(f"{SLASH} list {target} {Filter.MINE}"),
    )


@deferred
async def turned(click: BlockAction, endpoints: EndpointList) -> None:
    """Replace the page with another one, or with what another filter lets through."""
    await endpoints.authorizer.authorize(Permission.LOOK, click.person, click.place)
    view = ListView.read(click.value)
    view = replace(
        view, target=known_target(view.target, await endpoints.lookup.names(click.place))
    )
    page = await endpoints.page(click.place, click.person.id, view, fresh=_SAME_LIST_SECONDS)
    await click.responder.replace(page)


async def chosen(click: BlockAction, registry: Registry) -> DeferredTask:
    """Run the command of a row's menu, as if the endpoint had been picked for it."""
    _, target, endpoint_id = [*click.block_id.split(" ", 2), "", ""][:3]
    handler = registry.click(picker.action_id(click.value))
    if handler is None:
        raise UserError("This menu is from an older version of the bot. List again.")
    state = picker.PickerState(target, stays=True)
    picked = replace(click, value=f"{target} {endpoint_id}", block_id=state.block_id)
    return await handler(picked)


FEATURE = Feature(
    commands=[
        Command(
            "list",
            "[target] [filter]",
            "Lists endpoints with $/h, also those created elsewhere; filters: `mine`, `live`,"
            " `asleep`, `failed`.",
            run,
        )
    ],
    clicks={
        listing.MORE_ACTION: turned,
        listing.BACK_ACTION: turned,
        listing.FILTER_ACTION: turned,
        listing.TARGET_ACTION: turned,
        listing.ROW_ACTION: chosen,
    },
)
