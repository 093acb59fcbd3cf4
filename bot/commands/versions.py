"""`versions [endpoint]`: what each version changed, and who asked for it."""

from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import Feature, deferred
from bot.commands.update_state import deployment_of
from bot.domain.instances import Prices
from bot.domain.permissions import Permission
from bot.messages.buttons import ActionId
from bot.messages.versions import listing
from bot.services.authorization import Authorizer
from bot.services.updates import Updates
from bot.slack.requests import BlockAction


async def show(request: EndpointRequest, updates: Updates, prices: Prices) -> None:
    runs, past = await updates.past(request.place, deployment_of(request.endpoint))
    await request.answer(listing(runs, past, prices))


@deferred
async def clicked(
    click: BlockAction, authorizer: Authorizer, updates: Updates, prices: Prices
) -> None:
    await authorizer.authorize(Permission.LOOK, click.person, click.place)
    runs, past = await updates.past(click.place, click.value)
    await click.responder.say(listing(runs, past, prices))


FEATURES = (
    EndpointCommand("versions", "Lists an endpoint's versions.", show).feature(),
    Feature(clicks={ActionId.VERSIONS: clicked}),
)
