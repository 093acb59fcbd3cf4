"""Sets a target up the way an admin does it, for stories in which settings matter."""

from collections.abc import Mapping, Sequence

from bot.domain.permissions import Permission
from bot.sandbox.environment import Environment
from bot.sandbox.slack.people import Actor
from bot.sandbox.slack.view import View


async def open_settings(
    here: Environment, person: Actor | None = None, text: str = "settings"
) -> View:
    """Open the modal."""
    who = person or here.admin
    await who.command(here.channel, text)
    return await here.slack.until(lambda: who.modal)


async def configure(here: Environment, **fields: str | int | Sequence[str] | None) -> None:
    """Save settings; fields by block id."""
    await open_settings(here)
    for name, value in fields.items():
        await here.admin.fill(name, value)
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.submit()
    await here.slack.until(lambda: len(here.admin.ephemerals(here.channel)) > seen)


async def open_who(here: Environment, permission: Permission, person: Actor | None = None) -> View:
    """Open who may do something, over the settings."""
    who = person or here.admin
    settings = await open_settings(here, who)
    await who.click(settings, permission.value)
    return await here.slack.until(lambda: who.modal if who.modal is not settings else None)


async def grant(
    here: Environment, permission: Permission, **fields: str | Sequence[str] | Mapping[str, str]
) -> None:
    """Let somebody do something: `who`, and `people` or `groups` by their ids."""
    await open_who(here, permission)
    settings = here.admin.modals[-2]
    before = settings.hash
    for name, value in fields.items():
        assert isinstance(value, str | Sequence)
        block = "settings.groups" if name == "groups" else name
        await here.admin.fill(block, value, query="" if name == "groups" else None)
    await here.admin.submit()
    assert here.admin.field_errors == {}
    await here.slack.until(lambda: settings.hash != before)
    await here.admin.close_modal()
