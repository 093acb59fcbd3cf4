"""The shortcut on a message of a deployment's thread: how that deployment stands."""

from bot.commands.desk import Desk, ShortcutUse, Work
from bot.commands.registry import SLASH, Feature, Shortcut
from bot.errors import UserError
from bot.messages.standing import standing
from bot.permissions import Permission

NAME = "Endpoint status"


async def chosen(desk: Desk, used: ShortcutUse) -> Work:
    """Answer once Slack is acknowledged."""
    return _answer(desk, used)


async def _answer(desk: Desk, used: ShortcutUse) -> None:
    await desk.authorizer.authorize(Permission.LOOK, used.person, used.place)
    found = await desk.standings.in_thread(
        used.place, used.thread_ts or used.message_ts, used.public_id
    )
    if found is None:
        raise UserError(
            "This message isn't from the thread of an endpoint that I know.",
            hint=f"{NAME} is for messages of such threads. `{SLASH} list` shows what runs.",
        )
    [charged] = await desk.standings.charged([found])
    said = standing(charged.facts, charged.spend)
    await desk.responses.say(used.response_url, said, thread_ts=used.thread_ts)


FEATURE = Feature(
    shortcuts=[
        Shortcut(
            "endpoint.status", NAME, "Shows how the endpoint of this message's thread is", chosen
        )
    ]
)
