"""`status [endpoint]`, its message shortcut, and the buttons that only open a page."""

from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import SLASH, DeferredTask, Feature, Shortcut, deferred
from bot.config import Settings
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages.buttons import ActionId
from bot.messages.endpoint import status, status_of_thread
from bot.services.authorization import Authorizer
from bot.services.summaries import Summaries
from bot.slack.people import People
from bot.slack.requests import BlockAction, ShortcutUse

COMMAND = "status"
SHORTCUT = "Endpoint status"


async def show(
    request: EndpointRequest, people: People, settings: Settings, summaries: Summaries
) -> None:
    endpoint = request.endpoint
    ours = endpoint.ours
    thread_link = facts = None
    if ours is not None:
        summary = (await summaries.of_endpoints(request.place, [ours.public_id])).get(
            ours.public_id
        )
        facts = summary.facts if summary is not None else None
    if ours is not None and ours.thread_ts is not None:
        thread_link = await people.permalink(ours.channel_id, ours.thread_ts)
    suite_link = settings.suite_link(
        team=endpoint.team_id, project=endpoint.project_id, endpoint=endpoint.endpoint_id
    )
    shown = status(endpoint, facts, suite_link=suite_link, thread_link=thread_link)
    await request.answer(shown)


@deferred
async def show_of_thread(used: ShortcutUse, authorizer: Authorizer, summaries: Summaries) -> None:
    await authorizer.authorize(Permission.LOOK, used.person, used.place)
    found = await summaries.in_thread(used.place, used.thread_ts or used.message_ts, used.public_id)
    if found is None:
        raise UserError(
            "This message isn't in an endpoint's thread.",
            hint=f"{SHORTCUT} works on messages in endpoint threads. `{SLASH} list` shows the"
            " endpoints.",
        )
    [charged] = await summaries.charged([found])
    await used.responder.say(status_of_thread(charged.facts))


async def link_clicked(_click: BlockAction) -> DeferredTask:
    """Slack has opened the address and reports the click."""
    return None


LINKS = (ActionId.OPEN, ActionId.MODEL_PAGE, ActionId.INTEGRATIONS)
FEATURES = (
    EndpointCommand(COMMAND, "Shows one endpoint in detail.", show).feature(),
    Feature(
        clicks=dict.fromkeys(LINKS, link_clicked),
        shortcuts=[
            Shortcut(
                "endpoint.status",
                SHORTCUT,
                "Shows the endpoint of this thread",
                show_of_thread,
            )
        ],
    ),
)
