"""What people may do, and the one place that decides it."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from bot.deployments.place import Person, Place
from bot.errors import UserError
from bot.messages.markup import mention

# More names than this are no help to someone who looks for whom to ask.
_NAMED = 3


class Permission(StrEnum):
    """A thing to be allowed, as scope and action."""

    LOOK = "endpoint:look"
    DEPLOY = "endpoint:deploy"
    TERMINATE = "endpoint:terminate"
    CONNECT = "target:connect"


class Authorizer:
    """Decides by where a person belongs and whether they administer.

    Args:
        is_admin: Asks whether a person administers targets.
        admins: Lists who does.
    """

    def __init__(
        self,
        is_admin: Callable[[str], Awaitable[bool]],
        admins: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self._is_admin = is_admin
        self._admins = admins

    async def authorize(self, permission: Permission, person: Person, place: Place) -> None:
        """Let it pass, or say who may.

        Raises:
            UserError: The person may not.
        """
        if permission is Permission.LOOK:
            return
        if person.is_from_elsewhere(place):
            raise UserError(
                "You belong to another organisation, so you can look on here but not act.",
                hint="Someone of this workspace can do it for you.",
            )
        if permission is Permission.CONNECT and not await self._is_admin(person.id):
            raise UserError(
                "Connecting and disconnecting is for workspace admins.", hint=await self._whom()
            )

    async def _whom(self) -> str:
        admins = [mention(admin) for admin in (await self._admins())[:_NAMED]]
        return f"Ask {' or '.join(admins)}." if admins else "Ask one of them."
