"""`versions [endpoint]`: what each version changed, and who asked for it."""

from bot.commands.desk import Desk
from bot.commands.endpoint_command import Asked, EndpointCommand
from bot.commands.update_carried import deployment_of
from bot.deployments.listing.listed import Listed
from bot.messages.versions import listing


async def show(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """List them, the newest first."""
    runs, past = await desk.updates.past(asked.place, deployment_of(endpoint))
    await asked.answer(desk, listing(runs, past, desk.settings.prices))


FEATURE = EndpointCommand("versions", "Lists an endpoint's versions.", show).feature()
