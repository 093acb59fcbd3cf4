"""The typed commands of operations: what their buttons do, by name."""

from functools import partial

from bot.commands import schedule
from bot.commands.context import Services, answer
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.operation_buttons import what_instead
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.operations import OperationKind
from bot.domain.statuses import facts_of
from bot.messages import questions
from bot.messages.buttons import follow
from bot.messages.markup import bold, escape


async def run_on(
    services: Services, asked: EndpointRequest, endpoint: Listed, kind: OperationKind
) -> None:
    """Ask before it costs money or breaks something; what does neither is done at once."""
    public_id = here(endpoint)
    if asked.rest:
        await schedule.run_on(services, asked, endpoint, public_id, kind)
        return
    status = str(endpoint.status.status)
    if not kind.fits(status):
        raise UserError(
            f"{bold(endpoint.name)} is {escape(facts_of(status).name)} now, so there is"
            " nothing to do."
        )
    question = questions.ask(kind, endpoint.name, endpoint.price_once_up, public_id)
    if question is not None:
        await asked.answer(services, question)
        return
    done = await services.operations.ask(
        asked.place, asked.person, public_id, kind, asked.request_id
    )
    words = what_instead(kind, done)
    await asked.answer(services, answer(words or questions.under_way(kind, endpoint.name)))


def here(endpoint: Listed) -> str:
    """The public id of the deployment that an endpoint belongs to in this channel.

    Raises:
        UserError: Its thread is elsewhere, or nobody follows it yet; with the way there.
    """
    ours = endpoint.ours
    if ours is None:
        raise UserError(
            f"{bold(endpoint.name)} was made elsewhere. Follow it first: what is done with it is"
            " then told in its thread.",
            actions=[follow(endpoint.target, endpoint.endpoint_id)],
        )
    if not ours.is_here:
        raise UserError(
            f"{bold(endpoint.name)} is watched in <#{ours.channel_id}>. Do it there, where its"
            " thread is."
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
