"""`status [endpoint]`: one endpoint, whole."""

from bot.commands.context import Services
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.domain.listed_endpoint import Listed
from bot.messages.endpoint import status

COMMAND = "status"


async def show(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Show the endpoint as it is now."""
    ours = endpoint.ours
    thread_link = None
    if ours is not None and ours.thread_ts is not None:
        thread_link = await services.people.permalink(ours.channel_id, ours.thread_ts)
    suite_link = services.settings.suite_link(
        team=endpoint.team_id, project=endpoint.project_id, endpoint=endpoint.endpoint_id
    )
    await asked.answer(services, status(endpoint, suite_link=suite_link, thread_link=thread_link))


FEATURE = EndpointCommand(COMMAND, "Shows one endpoint, whole.", show).feature()
