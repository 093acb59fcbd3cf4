"""`status [endpoint]`: one endpoint, whole."""

from bot.commands.desk import Desk
from bot.commands.endpoint_command import Asked, EndpointCommand
from bot.deployments.listing.listed import Listed
from bot.messages.endpoint import status

COMMAND = "status"


async def show(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """Show the endpoint as it is now."""
    ours = endpoint.ours
    thread_link = None
    if ours is not None and ours.root_ts is not None:
        thread_link = await desk.people.link_to(ours.channel_id, ours.root_ts)
    suite_link = desk.settings.suite_link(
        team=endpoint.team_id, project=endpoint.project_id, endpoint=endpoint.endpoint_id
    )
    await asked.answer(desk, status(endpoint, suite_link=suite_link, thread_link=thread_link))


FEATURE = EndpointCommand(COMMAND, "Shows one endpoint, whole.", show).feature()
