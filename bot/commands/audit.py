"""`audit [target]`: the last things that people did here, or weren't allowed to."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.desk import Click, Desk, Invocation, Work
from bot.commands.endpoint_text import known_target
from bot.commands.registry import Command, Feature
from bot.commands.target_reading import target_names
from bot.deployments.place import Person, Place
from bot.messages import audit as words
from bot.messages.body import Body
from bot.permissions import Permission

_LINES = 15
# What a row's id can be; a button of another version may say anything.
_ENTRY: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])


async def run(desk: Desk, invocation: Invocation) -> Work:
    """Show the newest."""
    return _show(desk, invocation)


async def _show(desk: Desk, invocation: Invocation) -> None:
    place = invocation.place
    typed = invocation.text.strip()
    target = known_target(typed, await target_names(desk, place)) if typed else ""
    said = await _page(desk, place, invocation.person, target, None)
    await desk.responses.say(invocation.response_url, said)


async def turned(desk: Desk, click: Click) -> Work:
    """Show others in their place."""
    return _turn(desk, click)


async def _turn(desk: Desk, click: Click) -> None:
    number, _, target = click.value.partition(" ")
    # The newest have none before them, which an older button says with a zero.
    before = (_ENTRY.validate_python(number) if number else 0) or None
    said = await _page(desk, click.place, click.person, target, before)
    await desk.responses.replace(click.response_url, said)


async def _page(desk: Desk, place: Place, person: Person, target: str, before: int | None) -> Body:
    """Of one target, or of all that the person may see."""
    await desk.authorizer.authorize(Permission.AUDIT, person, place, target=target)
    hidden = [
        other.name
        for other in await desk.targets.of(place)
        if not await desk.authorizer.may(Permission.AUDIT, person, place, other.name)
    ]
    entries = await desk.audit.newest(
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
