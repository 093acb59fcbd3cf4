"""`use [endpoint]`: how to call an endpoint."""

from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.config import Settings
from bot.messages.use_it import use_it
from bot.services.smoke_tests import SmokeTests


async def show(request: EndpointRequest, settings: Settings, tests: SmokeTests) -> None:
    endpoint = request.endpoint
    await request.answer(
        use_it(
            endpoint.name,
            endpoint.endpoint_id,
            settings.inference_url,
            team_id=endpoint.team_id,
            kind=await tests.kind_of(endpoint.endpoint_id),
        )
    )


FEATURES = (
    EndpointCommand(
        "use", "Shows how to call an endpoint: curl, Python, JavaScript.", show
    ).feature(),
)
