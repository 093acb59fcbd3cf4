"""`versions [endpoint]`: what each version changed, and who asked for it."""

from bot.commands.context import DeferredTask, Services
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import Feature
from bot.commands.update_state import deployment_of
from bot.domain.listed_endpoint import Listed
from bot.domain.permissions import Permission
from bot.messages.buttons import ActionId
from bot.messages.versions import listing
from bot.slack.requests import BlockAction


async def show(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """List them, the newest first."""
    runs, past = await services.updates.past(asked.place, deployment_of(endpoint))
    await asked.answer(services, listing(runs, past, services.settings.prices))


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """List them for the person who clicked."""
    return _clicked(services, click)


async def _clicked(services: Services, click: BlockAction) -> None:
    await services.authorizer.authorize(Permission.LOOK, click.person, click.place)
    runs, past = await services.updates.past(click.place, click.value)
    said = listing(runs, past, services.settings.prices)
    await services.responses.say(click.response_url, said, thread_ts=click.thread_ts)


_COMMAND = EndpointCommand("versions", "Lists an endpoint's versions.", show).feature()
FEATURE = Feature(
    commands=_COMMAND.commands, clicks={**_COMMAND.clicks, ActionId.VERSIONS: clicked}
)
