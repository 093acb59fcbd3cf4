"""The typed commands of operations: what their buttons do, by name."""

from functools import partial

from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.operation_buttons import not_accepted
from bot.commands.schedule import Planner
from bot.commands.unfitting import Unfitting
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.operations import OperationKind
from bot.messages import questions
from bot.messages.answer import answer
from bot.messages.buttons import follow
from bot.messages.markup import bold
from bot.services.operations import Operations


async def run_on(
    request: EndpointRequest,
    operations: Operations,
    planner: Planner,
    unfitting: Unfitting,
    *,
    kind: OperationKind,
) -> None:
    """Ask before it costs money or breaks something; do everything else at once."""
    endpoint = request.endpoint
    public_id = here(endpoint)
    if request.rest:
        await planner.add(request, public_id, kind)
        return
    status = str(endpoint.status.status)
    unfit = await unfitting.answer(
        request, kind, status, name=endpoint.name, public_id=public_id, target=endpoint.target
    )
    if unfit is not None:
        await request.answer(unfit)
        return
    question = questions.ask(kind, endpoint.name, endpoint.price_once_up, public_id)
    if question is not None:
        await request.answer(question)
        return
    result = await operations.request(
        request.place, request.person, public_id, kind, request.request_id
    )
    words = not_accepted(kind, result)
    await request.answer(answer(words or questions.under_way(kind, endpoint.name)))


def here(endpoint: ListedEndpoint) -> str:
    """Raise UserError if its thread is elsewhere, or nobody follows it yet; with the way there."""
    ours = endpoint.ours
    if ours is None:
        raise UserError(
            f"{bold(endpoint.name)} was created elsewhere. Follow it first, so that its thread"
            " shows what happens to it.",
            actions=[follow(endpoint.target, endpoint.endpoint_id)],
        )
    if not ours.is_here:
        raise UserError(
            f"{bold(endpoint.name)} is watched in <#{ours.channel_id}>. Do it there, in its thread."
        )
    return ours.public_id


FEATURES = tuple(
    EndpointCommand(
        kind,
        command.summary,
        partial(run_on, kind=kind),
        arguments="" if kind.facts.waits_in is None else "[at TIME]",
        permission=kind.facts.permission,
        operation=kind,
    ).feature()
    for kind in OperationKind
    if (command := kind.facts.command) is not None
)
