"""Answer a request that was about money or a decision, even if this process dies meanwhile."""

from bot.commands.registry import DeferredTask
from bot.messages.body import Body
from bot.services.pending_responses import PendingResponses
from bot.slack.requests import Request


async def durable_response(
    pending: PendingResponses, request: Request, body: Body, *, replaces: bool = False
) -> DeferredTask:
    """Write the answer before the acknowledgement, and return what shows it."""
    row = await pending.write(request.place, request.person.id, body)
    return _show(pending, request, body, row, replaces=replaces)


async def _show(
    pending: PendingResponses, request: Request, body: Body, row: int | None, *, replaces: bool
) -> None:
    responder = request.responder
    is_shown = await (responder.replace(body) if replaces else responder.say(body))
    if is_shown and row is not None:
        await pending.shown(row)
