"""`rollback [endpoint] <version>`: back to an earlier version, after a look at the changes."""

from bot.commands.deployment_access import DeploymentAccess
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import SLASH
from bot.commands.update import question
from bot.commands.update_state import approval_of, deployment_of
from bot.domain.errors import UserError
from bot.domain.instances import Prices
from bot.domain.permissions import Permission
from bot.domain.text import clip
from bot.domain.update import next_version, rolled_back
from bot.messages.markup import bold, code, escape
from bot.services.authorization import Authorizer
from bot.services.updates import Updates

_LONGEST_SHOWN = 40


async def run_on(
    request: EndpointRequest,
    access: DeploymentAccess,
    updates: Updates,
    authorizer: Authorizer,
    prices: Prices,
) -> None:
    endpoint = request.endpoint
    public_id = deployment_of(endpoint)
    await access.authorize(Permission.UPDATE, request, endpoint.target, public_id)
    number = request.rest.strip()
    versions = code(f"{SLASH} versions {endpoint.name}")
    if not number:
        raise UserError("Which version should it roll back to?", hint=f"{versions} lists them.")
    runs, past = await updates.past(request.place, public_id)
    wanted = next((one for one in past if one.number == number), None)
    if wanted is None:
        shown = code(clip(number, _LONGEST_SHOWN))
        raise UserError(
            f"{bold(endpoint.name)} has no version {shown}.", hint=f"{versions} lists them."
        )
    if number == runs.number:
        raise UserError(f"{bold(endpoint.name)} already runs version {code(number)}.")
    reported = next((one.version for one in past if one.number == runs.number), None)
    after = next_version(
        runs.version, rolled_back(runs.version, wanted.version, number, reported=reported)
    )
    if isinstance(after, tuple):
        # A version that was made elsewhere may be what nobody can ask for.
        raise UserError(escape(" ".join(field_error.sentences for field_error in after)))
    is_whole = not wanted.version.unknown
    approval = await approval_of(authorizer, request.place, runs, after, prices)
    await request.answer(
        question(prices, runs, after, back_to=number, is_whole=is_whole, approval=approval)
    )


FEATURE = EndpointCommand(
    "rollback",
    "Rolls an endpoint back to an earlier version, after showing the changes.",
    run_on,
    arguments="<version>",
    permission=Permission.UPDATE,
).feature()
