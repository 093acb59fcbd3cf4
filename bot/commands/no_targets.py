"""What a channel without a target is told: connect one, and who can."""

from bot.commands.context import Services
from bot.domain.errors import UserError
from bot.messages.buttons import connect
from bot.messages.markup import mention

_NAMED = 3


async def unconnected(services: Services) -> UserError:
    """The first contact with a channel that nobody has connected yet."""
    admins = [mention(admin) for admin in (await services.people.admins())[:_NAMED]]
    whom = f" Ask {' or '.join(admins)}." if admins else ""
    return UserError(
        "This channel isn't connected to a Friendli project yet.",
        hint=f"Only admins can connect one.{whom}",
        actions=[connect()],
    )
