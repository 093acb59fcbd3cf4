"""`audit`: the last things that people did here, or weren't allowed to."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.desk import Click, Desk, Invocation, Work
from bot.commands.registry import Command, Feature
from bot.deployments.place import Place
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
    await desk.authorizer.authorize(Permission.AUDIT, invocation.person, invocation.place)
    said = await _page(desk, invocation.place, None)
    await desk.responses.say(invocation.response_url, said)


async def turned(desk: Desk, click: Click) -> Work:
    """Show others in their place."""
    return _turn(desk, click)


async def _turn(desk: Desk, click: Click) -> None:
    await desk.authorizer.authorize(Permission.AUDIT, click.person, click.place)
    before = _ENTRY.validate_python(click.value) if click.value else None
    await desk.responses.replace(click.response_url, await _page(desk, click.place, before))


async def _page(desk: Desk, place: Place, before: int | None) -> Body:
    entries = await desk.audit.newest(place, _LINES + 1, before=before)
    return words.page(entries[:_LINES], is_first=before is None, has_more=len(entries) > _LINES)


FEATURE = Feature(
    commands=[Command("audit", "", "Shows who did what here lately, and who wasn't allowed.", run)],
    clicks={words.OLDER_ACTION: turned, words.NEWEST_ACTION: turned},
)
