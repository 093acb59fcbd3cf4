"""`use [endpoint]` and the button "Use it": how to call an endpoint."""

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import Feature, deferred
from bot.config import Settings
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages.action_ids import ActionId
from bot.messages.use_it import use_it
from bot.services.smoke_tests import SmokeTests
from bot.slack.requests import BlockAction


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


@deferred
async def clicked(
    click: BlockAction, access: DeploymentAccess, settings: Settings, tests: SmokeTests
) -> None:
    deployment = await access.require(Permission.LOOK, click, click.value)
    if deployment.endpoint_id is None:
        raise UserError("Its endpoint is still unknown.")
    await click.responder.say(
        use_it(
            deployment.name,
            deployment.endpoint_id,
            settings.inference_url,
            team_id=deployment.friendli_team_id,
            kind=await tests.kind_of(deployment.endpoint_id),
        )
    )


FEATURES = (
    EndpointCommand(
        "use", "Shows how to call an endpoint: curl, Python, JavaScript.", show
    ).feature(),
    Feature(clicks={ActionId.USE: clicked}),
)
