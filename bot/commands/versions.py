"""`versions [endpoint]`: what each version changed, and who asked for it."""

from bot.commands.desk import Click, Desk, Work
from bot.commands.endpoint_command import Asked, EndpointCommand
from bot.commands.registry import Feature
from bot.commands.update_carried import deployment_of
from bot.deployments.listing.listed import Listed
from bot.messages.buttons import ActionId
from bot.messages.versions import listing
from bot.permissions import Permission


async def show(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """List them, the newest first."""
    runs, past = await desk.updates.past(asked.place, deployment_of(endpoint))
    await asked.answer(desk, listing(runs, past, desk.settings.prices))


async def clicked(desk: Desk, click: Click) -> Work:
    """List them for the person who clicked."""
    return _clicked(desk, click)


async def _clicked(desk: Desk, click: Click) -> None:
    await desk.authorizer.authorize(Permission.LOOK, click.person, click.place)
    runs, past = await desk.updates.past(click.place, click.value)
    said = listing(runs, past, desk.settings.prices)
    await desk.responses.say(click.response_url, said, thread_ts=click.thread_ts)


_COMMAND = EndpointCommand("versions", "Lists an endpoint's versions.", show).feature()
FEATURE = Feature(
    commands=_COMMAND.commands, clicks={**_COMMAND.clicks, ActionId.VERSIONS: clicked}
)
