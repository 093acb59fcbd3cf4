"""The shortcut on a message of a deployment's thread: how that deployment stands."""

from bot.commands.context import DeferredTask, Services
from bot.commands.registry import SLASH, Feature, Shortcut
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages.summary import standing
from bot.slack.requests import ShortcutUse

NAME = "Endpoint status"


async def chosen(services: Services, used: ShortcutUse) -> DeferredTask:
    """Answer once Slack is acknowledged."""
    return _answer(services, used)


async def _answer(services: Services, used: ShortcutUse) -> None:
    await services.authorizer.authorize(Permission.LOOK, used.person, used.place)
    found = await services.summaries.in_thread(
        used.place, used.thread_ts or used.message_ts, used.public_id
    )
    if found is None:
        raise UserError(
            "This message isn't from the thread of an endpoint that I know.",
            hint=f"{NAME} is for messages of such threads. `{SLASH} list` shows what runs.",
        )
    [charged] = await services.summaries.charged([found])
    said = standing(charged.deployment_view, charged.spend)
    await services.responses.say(used.response_url, said, thread_ts=used.thread_ts)


FEATURE = Feature(
    shortcuts=[
        Shortcut(
            "endpoint.status", NAME, "Shows how the endpoint of this message's thread is", chosen
        )
    ]
)
