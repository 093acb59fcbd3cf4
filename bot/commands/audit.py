"""`audit [target]`: the last things that people did here, or weren't allowed to."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.context import DeferredTask, Services
from bot.commands.endpoint_text import known_target
from bot.commands.registry import Command, Feature
from bot.commands.target_lookup import target_names
from bot.domain.actors import Actor, ChannelRef
from bot.domain.permissions import Permission
from bot.messages import audit as words
from bot.messages.body import Body
from bot.slack.requests import BlockAction, SlashCommand

_LINES = 15
# What a row's id can be; a button of another version may say anything.
_ENTRY: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])


async def run(services: Services, command: SlashCommand) -> DeferredTask:
    """Show the newest."""
    return _show(services, command)


async def _show(services: Services, command: SlashCommand) -> None:
    place = command.place
    typed = command.text.strip()
    target = known_target(typed, await target_names(services, place)) if typed else ""
    said = await _page(services, place, command.person, target, None)
    await services.responses.say(command.response_url, said)


async def turned(services: Services, click: BlockAction) -> DeferredTask:
    """Show others in their place."""
    return _turn(services, click)


async def _turn(services: Services, click: BlockAction) -> None:
    number, _, target = click.value.partition(" ")
    # The newest have none before them, which an older button says with a zero.
    before = (_ENTRY.validate_python(number) if number else 0) or None
    said = await _page(services, click.place, click.person, target, before)
    await services.responses.replace(click.response_url, said)


async def _page(
    services: Services, place: ChannelRef, person: Actor, target: str, before: int | None
) -> Body:
    """Of one target, or of all that the person may see."""
    await services.authorizer.authorize(Permission.AUDIT, person, place, target=target)
    hidden = [
        other.name
        for other in await services.targets.of(place)
        if not await services.authorizer.may(Permission.AUDIT, person, place, other.name)
    ]
    entries = await services.audit.newest(
        place, _LINES + 1, before=before, target=target or None, hidden=hidden
    )
    return words.page(
        entries[:_LINES], target=target, is_first=before is None, has_more=len(entries) > _LINES
    )


FEATURE = Feature(
    commands=[
        Command("audit", "[target]", "Shows who did what lately, and who wasn't allowed.", run)
    ],
    clicks={words.OLDER_ACTION: turned, words.NEWEST_ACTION: turned},
)
