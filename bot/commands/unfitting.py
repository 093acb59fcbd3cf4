"""The answer to an operation that makes no sense in an endpoint's status, with the way on."""

from dataclasses import dataclass

from bot.domain.operations import DELETING, OperationKind
from bot.domain.permissions import Permission
from bot.domain.statuses import facts_of
from bot.messages.answer import answer
from bot.messages.body import Body
from bot.messages.buttons import operation
from bot.messages.markup import bold, escape
from bot.messages.questions import unfit
from bot.services.authorization import Authorizer, ask_button
from bot.slack.requests import Request

_STARTING = "starting"


@dataclass(frozen=True, slots=True)
class Unfitting:
    """Answers for what can't be done now."""

    authorizer: Authorizer

    async def answer(
        self,
        request: Request,
        kind: OperationKind,
        status: str | None,
        *,
        name: str,
        public_id: str,
        target: str,
    ) -> Body | None:
        """None if the operation fits the status, which is None before the first one."""
        if kind.fits(status):
            return None
        now = escape(facts_of(status).name) if status else _STARTING
        if kind not in DELETING or not OperationKind.TERMINATE.fits(status):
            return answer(f"{bold(name)} {unfit(kind, status)}.")
        permission = Permission.TERMINATE
        if await self.authorizer.may(permission, request.person, request.place, target):
            way = operation(OperationKind.TERMINATE, public_id, name=name)
            hint = ""
        else:
            way = ask_button(permission, public_id, request.place, OperationKind.TERMINATE)
            hint = "You can delete here, but not terminate. *Ask them* posts your request."
        return answer(f"{bold(name)} is {now}. Terminate it first.", hint=hint, buttons=[way])
